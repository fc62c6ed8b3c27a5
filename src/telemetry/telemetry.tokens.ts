/** Injects the {@link Telemetry} of this process. */
export const TELEMETRY = Symbol('TELEMETRY');
