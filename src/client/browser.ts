// The client in browsers: the same connection, by WebSocket only. Nothing that it imports is of Node.
//
//     import { connect } from 'heddle/client'
//     const nc = await connect({ servers: 'wss://example.com:8443' })

export * from './common.ts'
export { type WsConnectionOptions, wsconnect, wsconnect as connect } from './web.ts'
