/** Every gateway of this service is on this path, so that a tab needs one socket for all of them. */
export const livePath = '/live';
