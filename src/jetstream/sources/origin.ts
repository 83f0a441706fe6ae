// An entry of `mirror` or `sources` in a configuration: what it is called, how its API is reached, and what becomes of
// the subjects of its messages.
//
// The origin may be in another account or in another domain: it is only ever spoken to by messages, whose subjects have
// the prefixes of `external`.

import { randomText } from '../../base/event-head.ts'
import { byteString } from '../../subjects/byte-string.ts'
import { compileTransform, type Transform } from '../../subjects/transform.ts'
import { shortHash } from '../short-hash.ts'
import type { StreamSource } from '../stream-config.ts'

const API = '$JS.API'
const ALL = '>'
/** Between several filters, or destinations, of one entry. */
const SEPARATOR = '\f'
const ID_LENGTH = 8

/** The stream of an entry, with what tells it from one of that name elsewhere. */
export function originName({ consumer, external, name }: StreamSource): string {
  const where = external === undefined ? '' : `:${shortHash(external.api)}`
  return name + where + (consumer === undefined ? '' : `:C=${shortHash(consumer.name)}`)
}

/** Tells an entry from all others of its stream: origin, filters and destinations. */
export function indexName(source: StreamSource): string {
  const { filter_subject: filter, subject_transforms: transforms } = source
  const orAll = (texts: readonly string[]): string => texts.map((text) => text || ALL).join(SEPARATOR)
  const filters = transforms.length === 0 ? orAll([filter]) : orAll(transforms.map(({ src }) => src))
  const destinations = transforms.length === 0 ? ALL : orAll(transforms.map(({ dest }) => dest))
  return `${originName(source)} ${filters} ${destinations}`
}

export class Origin {
  readonly config: StreamSource
  readonly indexName: string
  private readonly transforms: readonly Transform[]

  constructor(config: StreamSource) {
    this.config = config
    this.indexName = indexName(config)
    this.transforms = config.subject_transforms.flatMap(({ dest, src }) => {
      const compiled = dest === '' ? undefined : compileTransform(byteString(src || ALL), byteString(dest))
      return compiled === undefined || 'error' in compiled ? [] : [compiled]
    })
  }

  /** Whether a consumer is named that is there already. */
  get hasConsumer(): boolean {
    return this.config.consumer !== undefined
  }

  /** The subject of a request to its API, a byte string. */
  apiSubject(request: string): string {
    const { external } = this.config
    return byteString(external === undefined ? `${API}.${request}` : withoutGaps(`${external.api}.${request}`))
  }

  /** A subject for its messages, which nobody else has. `kind`: `M` of a mirror, `S` of a source. */
  deliverSubject(kind: 'M' | 'S'): string {
    const { consumer, external } = this.config
    if (consumer !== undefined) return consumer.deliver_subject
    const prefix = external?.deliver ?? ''
    return withoutGaps(`${prefix === '' ? '$JS' : prefix}.${kind}.${randomText().slice(-ID_LENGTH)}`)
  }

  /** The filters for its consumer, in the members of that. */
  get filters(): { readonly filter_subject?: string; readonly filter_subjects?: readonly string[] } {
    const { filter_subject: filter, subject_transforms: transforms } = this.config
    const filters = transforms.length === 0 ? [filter] : transforms.map(({ src }) => src)
    if (filters.length > 1) return { filter_subjects: filters.map((each) => each || ALL) }
    return filters[0] === '' ? {} : { filter_subject: filters[0] }
  }

  /** What a subject becomes here; byte strings. */
  transformed(subject: string): string {
    if (this.transforms.length === 0) return subject
    const tokens = subject.split('.')
    return this.transforms.find((each) => each.matches(tokens))?.apply(tokens) ?? subject
  }
}

const withoutGaps = (subject: string): string => subject.replaceAll('..', '.')
