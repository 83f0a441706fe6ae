// The permissions of users in a configuration (docs/reference/authentication.md, "Permissions"): one subject, a list,
// or lists of what is allowed and denied.

import type { Draft, Permissions, SubjectRules } from '../../options/shapes.ts'
import { isValidSubject } from '../../subjects/filter.ts'
import { type ConfigEntry, isPlainData, typeName } from '../language/tree.ts'
import { type Problems, quoteText } from '../problems.ts'
import { complain, kind, type Reading, readBlock, type Schema } from './schema.ts'
import { block, gotValue, spanOf } from './values.ts'

/** An answer's permission where nothing else is said: one message, for two minutes. */
const RESPONSE_MESSAGES = 1
const RESPONSE_EXPIRES_MS = 2 * 60_000

const unknown = (name: string): string => `Unknown field ${quoteText(name)} parsing permissions`

/** Rules, and whether they may name queue groups. */
type RulesDraft = Draft<SubjectRules> & { queues: boolean }

const subjects = kind<string[], RulesDraft>('subjects', (entry, { problems }, _, { queues }) =>
  readSubjects(entry, queues, problems),
)

const RULES: Schema<RulesDraft> = {
  title: 'permissions.publish',
  unknown: (name) =>
    `Unknown field name ${quoteText(name)} parsing subject permissions, only 'allow' or 'deny' are permitted`,
  keys: [
    subjects('allow', 'allow', 'subjects to allow; deny wins'),
    subjects('deny', 'deny', 'subjects to deny; deny wins'),
  ],
}

type Responses = Draft<NonNullable<Permissions['responses']>>

/** Of these, 0 says nothing. */
const unlessZero = (value: number | undefined): number | undefined => value || undefined

const messages = kind<number>('integer', (entry, { problems }) => unlessZero(problems.integer(entry)))
const expiry = kind<number>('duration', (entry, reading) =>
  typeof entry.value === 'string' || isPlainData(entry)
    ? unlessZero(spanOf(entry, reading, 'error parsing expires: '))
    : complain(entry, 'error parsing expires, not a duration string', reading),
)

const RESPONSES: Schema<Responses> = {
  title: 'permissions.allow_responses',
  unknown,
  keys: [
    messages(
      'maxMessages',
      ['max', 'max_msgs', 'max_messages', 'max_responses'],
      'maximum messages to one reply subject; negative = no limit',
      '1',
    ),
    expiry('expires', ['expires', 'expiration', 'ttl'], 'time limit for responses; negative = no limit', '2 min'),
  ],
}

type PermissionsDraft = Draft<Permissions>

// Under an alias, what says nothing takes back what was said before.
const rules = (member: 'publish' | 'subscribe', queues: boolean) =>
  kind<SubjectRules, PermissionsDraft>(
    'subjects',
    (entry, reading, _, into) => {
      into[member] = undefined
      return readRules(entry, queues, reading)
    },
    { block: RULES },
  )
const responses = kind<Responses, PermissionsDraft>(
  'boolean',
  (entry, reading, _, into) => {
    into.responses = undefined
    return readResponses(entry, reading)
  },
  { block: RESPONSES, default: 'false' },
)

export const PERMISSIONS: Schema<PermissionsDraft> = {
  title: 'permissions',
  unknown,
  keys: [
    rules('publish', false)(
      'publish',
      ['publish', 'pub', 'import'],
      'subjects to publish to: a subject, a list, or a block with allow and deny',
    ),
    rules('subscribe', true)(
      'subscribe',
      ['subscribe', 'sub', 'export'],
      'subjects to subscribe to; `subject queue` also restricts the queue group',
    ),
    responses(
      'responses',
      ['allow_responses', 'publish_allow_responses'],
      'allow publishing to reply subjects of received messages: true, or a block',
    ),
  ],
}

const readDraft = block<PermissionsDraft>(
  PERMISSIONS,
  () => ({ publish: undefined, subscribe: undefined, responses: undefined }),
  gotValue('Expected permissions to be a map/struct'),
)

/** Reads a block of permissions. */
export function readPermissions(entry: ConfigEntry, reading: Reading): Permissions | undefined {
  const permissions = readDraft(entry, reading, '')
  if (permissions?.responses === undefined) return permissions
  // A user with permission to respond, without a publish list, may publish nothing else.
  const { allow = [], deny } = permissions.publish ?? {}
  return { ...permissions, publish: { allow, deny } }
}

/** Rows for permissions. */
export const permissions = kind<Permissions>('block', readPermissions, { block: PERMISSIONS })

function readRules(entry: ConfigEntry, queues: boolean, reading: Reading): SubjectRules | undefined {
  const { value } = entry
  if (!(value instanceof Map)) {
    const allow = readSubjects(entry, queues, reading.problems)
    return allow === undefined ? undefined : { allow, deny: undefined }
  }
  if (value.size === 0) return undefined
  const draft: RulesDraft = { allow: undefined, deny: undefined, queues }
  readBlock(value, RULES, draft, reading)
  return { allow: draft.allow, deny: draft.deny }
}

/** A subject or a list of subjects; `queues`: each may have a queue group behind it. */
export function readSubjects(entry: ConfigEntry, queues: boolean, problems: Problems): string[] | undefined {
  const { value } = entry
  if (typeof value !== 'string' && !Array.isArray(value)) {
    const expected = 'Expected subject permissions to be a subject, or array of subjects'
    return problems.error(entry, `${expected}, got ${typeName(value)}`)
  }
  const subjects: string[] = []
  for (const item of typeof value === 'string' ? [entry] : value) {
    if (typeof item.value !== 'string') {
      return problems.error(item, 'Subject in permissions array cannot be cast to string')
    }
    subjects.push(item.value)
  }
  for (const subject of subjects) {
    const wrong = whyNoRule(subject, queues)
    if (wrong !== undefined) return problems.error(entry, wrong)
  }
  return subjects
}

function whyNoRule(rule: string, queues: boolean): string | undefined {
  if (isValidSubject(rule)) return undefined
  const [subject, queue, ...more] = rule.trim().split(/\s+/)
  if (!queues || queue === undefined || more.length > 0) return `subject ${quoteText(rule)} is not a valid subject`
  if (!isValidSubject(subject)) return `subject ${quoteText(subject)} is not a valid subject`
  return isValidSubject(queue) ? undefined : `queue ${quoteText(queue)} is not a valid queue`
}

function readResponses(entry: ConfigEntry, reading: Reading): Responses | undefined {
  const { value } = entry
  const responses = { maxMessages: RESPONSE_MESSAGES, expires: RESPONSE_EXPIRES_MS }
  if (typeof value === 'boolean') return value ? responses : undefined
  if (!(value instanceof Map)) {
    return reading.problems.error(entry, 'error parsing response permissions, expected a boolean or a map')
  }
  readBlock(value, RESPONSES, responses, reading)
  return responses
}
