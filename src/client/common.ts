// What both entries of the client have: the one for Node (index.ts) and the one for browsers (browser.ts).

export type {
  ClientPingStatus,
  CloseStatus,
  ClusterUpdateStatus,
  DisconnectStatus,
  ForceReconnectStatus,
  LDMStatus,
  Msg,
  MsgCallback,
  NatsConnection,
  Payload,
  PublishOptions,
  ReconnectingStatus,
  ReconnectStatus,
  RequestManyOptions,
  RequestOptions,
  RequestStrategy,
  ServerErrorStatus,
  ServerInfo,
  SlowConsumerStatus,
  StaleConnectionStatus,
  Stats,
  Status,
  SubOpts,
  Subscription,
  SubscriptionOptions,
  TraceOptions,
} from './api.ts'
export type { Auth, Authenticator, JwtAuth, NKeyAuth, NoAuth, TokenAuth, UserPass } from './authenticator.ts'
export {
  credsAuthenticator,
  jwtAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from './authenticator.ts'
export { Empty } from './bytes.ts'
export * from './errors.ts'
export * as errors from './errors.ts'
export type { MsgHdrs } from './headers.ts'
export { canonicalMIMEHeaderKey, headers, Match, MsgHdrsImpl } from './headers.ts'
export { createInbox } from './inbox.ts'
export type { ConnectionOptions, ReconnectToServerHandler, TlsOptions } from './options.ts'
export type { Server } from './servers.ts'
export type { WebSocketFactory, WebSocketLike } from './websocket-transport.ts'
