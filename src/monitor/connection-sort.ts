// The parameter `sort` of /connz.

import { type ConnectionSort, isSort } from '../reports/connection-order.ts'
import type { Parameters } from './parameters.ts'

/** Reads `sort`; refuses what is no order, and what only closed connections can be sorted by. */
export function parseSort(parameters: Parameters, onlyClosed: boolean): ConnectionSort | undefined {
  const name = parameters.bytes('sort')
  if (name === '') return 'cid'
  if (!isSort(name)) {
    parameters.refuseWith(`invalid sorting option: ${name}`)
    return undefined
  }
  if ((name === 'stop' || name === 'reason') && !onlyClosed) {
    parameters.refuseWith(`sort by ${name} only valid on closed connections`)
    return undefined
  }
  return name
}
