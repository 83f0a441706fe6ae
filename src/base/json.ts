// Values that are written as JSON.

/** Members that are undefined are left out. */
export type Json = string | number | boolean | null | undefined | readonly Json[] | { readonly [member: string]: Json }

/** For members that nats-server leaves out when they are empty. */
export function unlessEmpty<T extends string | number>(value: T): T | undefined {
  return value === '' || value === 0 ? undefined : value
}

export function unlessNone(list: readonly Json[]): readonly Json[] | undefined {
  return list.length === 0 ? undefined : list
}
