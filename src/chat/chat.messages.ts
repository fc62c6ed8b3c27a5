import { IsString, Length, Matches } from 'class-validator';

export class JoinRoom {
  /** A closed alphabet: the name is shown to others and becomes part of a tag. */
  @Matches(/^[\w-]{1,32}$/, { message: 'room must be 1 to 32 letters, digits, "-" or "_"' })
  room: string;
}

export class SayText {
  @IsString()
  @Length(1, 500)
  text: string;
}
