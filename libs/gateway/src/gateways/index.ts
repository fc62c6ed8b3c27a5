export { ConnectHooks } from './connect-hooks.js';
export { Endpoint } from './endpoint.js';
export { GatewayExplorer } from './gateway-explorer.js';
export { GatewayGuards } from './gateway-guards.js';
export { bindingOf, bindingOfClient, NestBinding, NestBindings } from './nest-binding.js';
export { type PortPlace, PortTable } from './port-table.js';
export { Route, routeOf, routeOfLink } from './route.js';
export { RouteTable } from './route-table.js';
export { Formats } from './gateway-format.js';
