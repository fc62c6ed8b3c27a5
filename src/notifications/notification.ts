import { IsString, Length } from 'class-validator';

/** What is asked for by HTTP. */
export class NewNotification {
  @IsString()
  @Length(1, 200)
  text: string;
}
