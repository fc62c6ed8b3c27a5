import { IsString, Length, Matches } from 'class-validator';

/** A closed alphabet: the name is shown to others, and becomes part of the name of a room. */
export const roomName = /^[\w-]{1,32}$/;

export class JoinRoom {
  @Matches(roomName, { message: 'room must be 1 to 32 letters, digits, "-" or "_"' })
  room: string;
}

export class SayText {
  @IsString()
  @Length(1, 500)
  text: string;
}
