export { describeBackplane } from './backplane-conformance/describe-backplane.js';
export {
  type BackplaneCapability,
  type BackplaneHarness,
  type CreateBackplane,
  type DeliveryFault,
  type EngineControl,
} from './backplane-conformance/harness.js';
export { type BackplaneFaults } from './backplane/backplane-faults.js';
export { FaultyBackplane } from './backplane/faulty-backplane.js';
export { type EngineMark, MemoryEngine } from './backplane/memory-engine.js';
export { ConnectionEnded, HandshakeRefused, RequestFailed, TestingError, TimedOut } from './errors.js';
export { FaultProxy, type FaultProxyCounts } from './fault-proxy.js';
export { HoldfastTestApp } from './holdfast-test-app.js';
export { describeLimiter } from './limiter-conformance.js';
export { type CreateLimiter, type LimiterHarness } from './limiter-conformance.harness.js';
export { ManualClock } from './manual-clock.js';
export { FrameReader, rawUpgrade, type RawRefusal, type RawUpgraded, type RawUpgradeOptions } from './raw-upgrade.js';
export { seededRandom } from './seeded-random.js';
export { type SimAction, type SimStep } from './simulation/sim-schedule.js';
export {
  simulateRooms,
  type SimulationFailure,
  type SimulationOptions,
  type SimulationReport,
} from './simulation/simulate-rooms.js';
export { type SuiteRunner } from './suite-runner.js';
export { TestClient, type CloseEvent, type TestClientOptions } from './test-client.js';
export { type RawTestFrame, type TestFrame } from './test-frame.js';
export {
  decodeClose,
  encodeClose,
  decodeFrame,
  encodeFrame,
  type WireFrame,
  type WireFrameSpec,
} from './wire-frame.js';
