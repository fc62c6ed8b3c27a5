export { HeartbeatOptions } from './heartbeat-options.js';
export { announcementOf } from './heartbeat-settings.js';
export { HeartbeatService } from './heartbeat.service.js';
