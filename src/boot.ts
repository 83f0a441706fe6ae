// The entry of the command. What it does stands in main.ts; this only sees to it that it is there quickly.

import './compile-cache.ts'

await import('./main.ts')
