// autocannon brings no types: the part of it that monitoring.ts uses.

declare module 'autocannon' {
  export interface Options {
    url: string
    connections: number
    /** Requests a second, over all connections. */
    overallRate: number
    /** Seconds. */
    duration: number
    /** Seconds that a response may take. */
    timeout: number
  }

  export interface Result {
    /** Milliseconds. */
    latency: { p50: number; p99: number; max: number }
    requests: { total: number }
    errors: number
    non2xx: number
  }

  export default function autocannon(options: Options): Promise<Result>
}
