export type { HandshakeHook } from './direct-admission.js';
export { DirectCompiler } from './direct-compiler.js';
