import { IsInt, IsString, MaxLength, Min } from 'class-validator';

/** The validated message of the full rows. */
export class EchoMessage {
  @IsString()
  @MaxLength(200)
  text: string;

  @IsInt()
  @Min(0)
  n: number;
}
