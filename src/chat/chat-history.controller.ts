import { Controller, Get, Param, Query, UseGuards } from '@nestjs/common';
import { AuthGuard, type RoomHistory } from '@holdfast/gateway';
import { Type } from 'class-transformer';
import { IsInt, IsString, Length, Max, Min } from 'class-validator';
import { ChatHistory } from './chat-history.js';
import { JoinRoom } from './chat.messages.js';

/** A position: the two belong together. */
class Since {
  @IsString()
  @Length(1, 64)
  epoch: string;

  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  offset: number;
}

/** For clients without the SDK: what was said after the `epoch` and `offset` of the last frame that they have. */
@UseGuards(AuthGuard)
@Controller('chat')
export class ChatHistoryController {
  constructor(private readonly history: ChatHistory) {}

  @Get(':room/history')
  read(@Param() { room }: JoinRoom, @Query() since: Since): Promise<RoomHistory> {
    return this.history.since(room, since);
  }
}
