// Reads the members of a JSON object by name and kind, and notes members of a wrong kind. The input comes from
// strangers, so only requested members are taken over, and none is assumed to exist (docs/reference/reliability.md,
// "Foreign JSON").
//
// Names are matched without regard to case, as Go does; a member that is null counts as missing.

const INT64_MAX = 2 ** 63

export class Members {
  private readonly values = new Map<string, unknown>()
  private readonly path: string
  private readonly problems: string[]

  /** `path` names the object in problems; they are added to the list that is given. */
  constructor(value: unknown, path: string, problems: string[]) {
    this.path = path
    this.problems = problems
    if (value === undefined || value === null) return
    if (typeof value !== 'object' || Array.isArray(value)) this.complain('', 'an object')
    else for (const [name, member] of Object.entries(value)) this.values.set(name.toLowerCase(), member)
  }

  /** The value as it came; for members that may be of several kinds. */
  value(name: string): unknown {
    return this.values.get(name) ?? undefined
  }

  has(name: string): boolean {
    return this.value(name) !== undefined
  }

  /** A text; empty if missing. */
  text(name: string): string {
    const value = this.value(name) ?? ''
    return typeof value === 'string' ? value : this.complain(name, 'a text') || ''
  }

  /** A whole number of 64 bits, brought into the range that numbers are exact in. */
  integer(name: string, missing = 0): number {
    const value = this.value(name) ?? missing
    if (typeof value !== 'number' || !Number.isInteger(value) || Math.abs(value) > INT64_MAX) {
      this.complain(name, 'a whole number')
      return missing
    }
    return Math.min(Math.max(value, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)
  }

  /** A whole number that is not negative. */
  count(name: string, max = Number.MAX_SAFE_INTEGER): number {
    const value = this.integer(name)
    if (value >= 0 && value <= max) return value
    this.complain(name, `a number from 0 to ${max}`)
    return 0
  }

  flag(name: string): boolean {
    const value = this.value(name) ?? false
    return typeof value === 'boolean' ? value : this.complain(name, 'true or false') || false
  }

  list(name: string): readonly unknown[] | undefined {
    const value = this.value(name)
    if (value === undefined || Array.isArray(value)) return value
    this.complain(name, 'a list')
    return undefined
  }

  /** A list of texts; undefined if missing. */
  texts(name: string): readonly string[] | undefined {
    const value = this.list(name)
    if (value === undefined || value.every((item) => typeof item === 'string')) return value
    this.complain(name, 'a list of texts')
    return undefined
  }

  /** An object; one without members if missing. */
  object(name: string): Members {
    return new Members(this.value(name), this.pathOf(name), this.problems)
  }

  /** A list of objects; empty if missing. */
  objects(name: string): readonly Members[] {
    return (this.list(name) ?? []).map((item, i) => {
      const path = `${this.pathOf(name)}[${i}]`
      if (item === null) this.problems.push(`${path} is null`)
      return new Members(item, path, this.problems)
    })
  }

  /** An object that is a table: its names as they are written, and what `read` makes of each value. */
  table<T>(name: string, read: (holder: Members, name: string) => T): ReadonlyMap<string, T> {
    const value = this.value(name)
    const table = new Map<string, T>()
    if (value === undefined) return table
    if (typeof value !== 'object' || Array.isArray(value)) {
      this.complain(name, 'an object')
      return table
    }
    for (const [key, member] of Object.entries(value as object)) {
      table.set(key, read(new Members({ value: member }, `${this.pathOf(name)}.${key}`, this.problems), 'value'))
    }
    return table
  }

  complain(name: string, expected: string): undefined {
    this.problems.push(`${this.pathOf(name)} is not ${expected}`)
    return undefined
  }

  private pathOf(name: string): string {
    return [this.path, name].filter((part) => part !== '').join('.') || 'it'
  }
}
