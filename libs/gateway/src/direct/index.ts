export type { HandshakeHook } from './direct-admission.js';
export { compileAdmission, compileHandler } from './handler-compiler.js';
