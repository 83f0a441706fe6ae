// The close code for each reason to close a connection, as nats-server maps them; its text is the reason itself
// (docs/reference/websocket.md, "Close codes").

const NORMAL = 1000
const GOING_AWAY = 1001
const PROTOCOL_ERROR = 1002
const POLICY_VIOLATION = 1008
const MESSAGE_TOO_BIG = 1009
const INTERNAL_ERROR = 1011

const CODES = new Map<string, number>([
  ['Client Closed', NORMAL],
  ['Authentication Timeout', POLICY_VIOLATION],
  ['Authentication Failure', POLICY_VIOLATION],
  ['Slow Consumer (Pending Bytes)', POLICY_VIOLATION],
  ['Slow Consumer (Write Deadline)', POLICY_VIOLATION],
  ['Maximum Account Connections Exceeded', POLICY_VIOLATION],
  ['Maximum Connections Exceeded', POLICY_VIOLATION],
  ['Maximum Control Line Exceeded', POLICY_VIOLATION],
  ['Maximum Subscriptions Exceeded', POLICY_VIOLATION],
  ['Missing Account', POLICY_VIOLATION],
  ['Authentication Expired', POLICY_VIOLATION],
  ['Credentials Revoked', POLICY_VIOLATION],
  ['Parse Error', PROTOCOL_ERROR],
  ['Protocol Violation', PROTOCOL_ERROR],
  ['Bad Client Protocol Version', PROTOCOL_ERROR],
  ['Maximum Message Payload Exceeded', MESSAGE_TOO_BIG],
  ['Write Error', GOING_AWAY],
  ['Read Error', GOING_AWAY],
  ['Stale Connection', GOING_AWAY],
  ['Server Shutdown', GOING_AWAY],
])

/** Close code of RFC 6455 for a reason to close. */
export function closeCodeOf(reason: string): number {
  return CODES.get(reason) ?? INTERNAL_ERROR
}
