// The entry of worker threads as it was built (see build.ts), for those that tests make of it: a thread that strips the
// types of 150 sources first takes five times as long to start.

await import(new URL('../../dist/workers/shard-main.js', import.meta.url).href)
