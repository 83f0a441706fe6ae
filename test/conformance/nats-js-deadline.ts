// Loaded before a suite of nats.js: Deno knows no deadline for a test, and one that waits for what the server does not
// do would keep all tests behind it from running.

import { env } from 'node:process'

type Body = (context: unknown) => unknown

const deadlineMs = Number(env.SECONDS_A_TEST) * 1000

// A test that failed leaves timers behind, whose rejections nobody awaits: Deno would cancel all tests behind it.
let hasFailed = false

function withDeadline(body: Body): Body {
  return async (context) => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`the test did not end within ${deadlineMs} ms`)), deadlineMs)
    })
    try {
      await Promise.race([body(context), deadline])
    } catch (error) {
      hasFailed = true
      throw error
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Deno.test in the forms that the suites use: the function is the last argument, or within the only one. */
function testWithDeadline(...args: unknown[]): unknown {
  const last = args.pop()
  if (typeof last === 'function') return test(...args, withDeadline(last as Body))
  const options = last as { fn: Body }
  return test(...args, { ...options, fn: withDeadline(options.fn) })
}

/** What Deno has and the types of Node lack. */
interface DenoGlobals {
  readonly Deno: { test: (...args: unknown[]) => unknown }
  addEventListener(name: 'unhandledrejection', listener: (event: Event) => void): void
}

const globals = globalThis as unknown as DenoGlobals
globals.addEventListener('unhandledrejection', (event) => {
  if (hasFailed) event.preventDefault()
})
const test = globals.Deno.test
globals.Deno.test = Object.assign(testWithDeadline, test)
