// All shapes that the servers are compared on, in the order in which they are measured and shown.

import { PLAIN_SHAPES } from './plain-shapes.ts'
import type { Shape } from './shape.ts'
import { TRAFFIC_SHAPES } from './traffic-shapes.ts'

export interface Section {
  readonly title: string
  readonly shapes: readonly Shape[]
}

export const SECTIONS: readonly Section[] = [
  { title: 'Traffic: sizes, subjects and sids that vary', shapes: TRAFFIC_SHAPES },
  { title: 'One message repeated (`nats bench`), and the rest', shapes: PLAIN_SHAPES },
]

export const SHAPES: readonly Shape[] = SECTIONS.flatMap(({ shapes }) => shapes)
