// What the system account may ask of streams: it has none itself, and may have those of other accounts deleted. What
// concerns a cluster is answered by nobody on one server.

import { matchesTokens } from '../subjects/subject.ts'
import { type ApiError, apiError } from './errors.ts'

const UNANSWERED = [
  'META.LEADER.STEPDOWN',
  'META.RESCUE',
  'SERVER.REMOVE',
  'SERVER.EVACUATE',
  'ACCOUNT.STREAM.MOVE.*.*',
  'ACCOUNT.STREAM.CANCEL_MOVE.*.*',
].map((pattern) => pattern.split('.'))

/** The answer to a request; `purge`: the account whose streams are to be deleted (byte string). */
export interface SystemAnswer {
  /** What `type` ends in. */
  readonly type: string
  readonly error?: ApiError
  readonly initiated?: true
  readonly purge?: string
}

/** The subject of a request without its prefix, in tokens. Undefined: nobody answers it. */
export function systemAnswer(tokens: readonly string[]): SystemAnswer | undefined {
  if (UNANSWERED.some((pattern) => matchesTokens(pattern, tokens))) return undefined
  if (tokens.length === 3 && tokens[0] === 'ACCOUNT' && tokens[1] === 'PURGE') {
    const type = 'account_purge_response'
    const [, , purge] = tokens
    const hasSeparator = /[\\/]/.test(purge)
    return hasSeparator
      ? { type, error: apiError(10051, 'account name can not contain path separators') }
      : { type, initiated: true, purge }
  }
  const type = tokens.length === 1 && tokens[0] === 'INFO' ? 'account_info_response' : 'system_response'
  return { type, error: apiError(10039) }
}
