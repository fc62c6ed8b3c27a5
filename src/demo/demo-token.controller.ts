import { Body, Controller, Inject, Post } from '@nestjs/common';
import { Matches } from 'class-validator';
import { SignJWT } from 'jose';

/** Injects the secret that this process made up for itself. */
export const DEMO_SECRET = Symbol('DEMO_SECRET');

class TokenRequest {
  @Matches(/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,31}$/u, {
    message: 'name must be 1 to 32 letters, digits, spaces or ". _ -", and begin with a letter or digit',
  })
  name: string;
}

/** Gives the demo page a token for any name. Exists in demo mode only, see {@link AppModule}. */
@Controller('demo')
export class DemoTokenController {
  constructor(@Inject(DEMO_SECRET) private readonly secret: string) {}

  @Post('token')
  async token(@Body() { name }: TokenRequest): Promise<{ token: string }> {
    const token = await new SignJWT()
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(name)
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode(this.secret));
    return { token };
  }
}
