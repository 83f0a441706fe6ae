// The shapes of load that the servers are compared on, each as the `nats bench` calls that make it.

export interface Shape {
  readonly name: string
  /** Messages published in one run, over all publishers; requests for a service shape. */
  readonly messages: number
  readonly bytes: number
  readonly publishers: number
  readonly subscribers: number
  /** Requests to a service instead of publishing: `publishers` is the number of requesters. */
  readonly service?: boolean
}

export const SHAPES: readonly Shape[] = [
  { name: 'publish only, 16 B', messages: 5_000_000, bytes: 16, publishers: 1, subscribers: 0 },
  { name: '1 to 1, 16 B', messages: 3_000_000, bytes: 16, publishers: 1, subscribers: 1 },
  { name: '1 to 1, 128 B', messages: 2_000_000, bytes: 128, publishers: 1, subscribers: 1 },
  { name: '1 to 4, 16 B', messages: 1_000_000, bytes: 16, publishers: 1, subscribers: 4 },
  { name: '1 to 16, 16 B', messages: 300_000, bytes: 16, publishers: 1, subscribers: 16 },
  { name: '1 to 64, 16 B', messages: 60_000, bytes: 16, publishers: 1, subscribers: 64 },
  { name: '4 to 4, 128 B', messages: 400_000, bytes: 128, publishers: 4, subscribers: 4 },
  { name: '16 to 16, 128 B', messages: 80_000, bytes: 128, publishers: 16, subscribers: 16 },
  { name: '1 to 1, 4 KiB', messages: 200_000, bytes: 4096, publishers: 1, subscribers: 1 },
  { name: '1 to 8, 4 KiB', messages: 40_000, bytes: 4096, publishers: 1, subscribers: 8 },
  { name: '1 to 1, 64 KiB', messages: 16_000, bytes: 65_536, publishers: 1, subscribers: 1 },
  { name: '1 to 8, 64 KiB', messages: 4_000, bytes: 65_536, publishers: 1, subscribers: 8 },
  { name: '1 to 1, 1 MiB', messages: 1_500, bytes: 1_000_000, publishers: 1, subscribers: 1 },
  { name: 'request/reply, 1 client', messages: 40_000, bytes: 16, publishers: 1, subscribers: 0, service: true },
  { name: 'request/reply, 16 clients', messages: 80_000, bytes: 16, publishers: 16, subscribers: 0, service: true },
]
