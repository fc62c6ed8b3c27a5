export { Intake, type IntakeOwner, type IntakeParts } from './intake.js';
export { ReadAhead } from './read-ahead.js';
export { UnfinishedBytes, unfinishedProblems } from './unfinished-bytes.js';
