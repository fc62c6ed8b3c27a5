import { Logger } from '@nestjs/common';
import { ConfigurationError, readConfig } from './config/service-config.js';
import { createService } from './service.js';
import { startTelemetry } from './telemetry/telemetry.js';

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const app = await createService(config, startTelemetry(config.telemetry));
  // SIGTERM then drains: new connections are rejected, clients are told to reconnect, and the process ends with 0.
  app.enableShutdownHooks(undefined, { useProcessExit: true });
  await app.listen(config.port, config.host).catch(async (error: unknown) => {
    // Timers that providers have started would keep the process running without a port.
    await app.close();
    throw error;
  });
  const url = await app.getUrl();
  const logger = new Logger('Service');
  if (config.demoSecret === undefined) logger.log(`Listening on ${url}`);
  else logger.warn(`DEVELOPMENT MODE with a demo secret: everybody who gets here gets a token. Open ${url}`);
}

main().catch((error: unknown) => {
  // A wrong configuration is explained by the names of the variables, not by a stack.
  new Logger('Service').fatal(error instanceof ConfigurationError ? error.message : error);
  process.exitCode = 1;
});
