// The long comparison of permissions with their model: src/node.sh test/auth/permissions-fuzz.ts --cases 10000000

import { parseArgs } from 'node:util'
import { chooseSeed, Random } from '../support/random.ts'
import { firstDisagreement } from './permissions-cases.ts'

const { values } = parseArgs({ options: { cases: { type: 'string', default: '10000000' } } })
const disagreement = firstDisagreement(new Random(chooseSeed('permissions')), Number(values.cases))
process.stdout.write(`${disagreement ?? `${values.cases} cases agree`}\n`)
process.exitCode = disagreement === undefined ? 0 : 1
