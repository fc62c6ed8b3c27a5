import { HoldfastModule } from '@holdfast/gateway';
import { Controller, Get, Module, type OnApplicationShutdown } from '@nestjs/common';
import { ChatGateway } from './chat.gateway.js';
import { VaultGateway } from './vault.gateway.js';

@Controller()
class HelloController {
  @Get('hello')
  hello(): { hello: string } {
    return { hello: 'world' };
  }
}

@Module({
  imports: [HoldfastModule.forRoot({ auth: { secret: 'a secret of the packed-tarball test alone' } })],
  controllers: [HelloController],
  providers: [ChatGateway, VaultGateway],
})
export class AppModule implements OnApplicationShutdown {
  onApplicationShutdown(): void {
    console.log('shut down');
  }
}
