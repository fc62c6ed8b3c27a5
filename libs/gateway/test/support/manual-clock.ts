export { ManualClock } from '@holdfast/testing';
