export { CONCURRENCY } from './concurrent.decorator.js';
export { Conversation, conversationOf, type ConversationParts } from './conversation.js';
export { Dispatcher } from './dispatcher.js';
export type { HandlerPlan, Pipeline } from './handler-plan.js';
export { Invocation } from './invocation.js';
export { MessageOptions } from './message-options.js';
export { Replier } from './replier.js';
export { type FrameReply, type ReceivesFrames, type ReservedFrame, ReservedFrames } from './reserved-frames.js';
export { Turns } from './turns.js';
