export { DrainService, serviceRestart } from './drain.service.js';
