import { sources } from '../../sources/mysql.js'
import type { Dialect } from '../../statements.js'

/** Our tables live in the connection's database, told apart by a prefix. */
export function mysqlDialect(tablePrefix: string): Dialect {
  return {
    name: 'mysql',
    sources,
    relation: (name) => `\`${`${tablePrefix}${name}`.replaceAll('`', '``')}\``,
    placeholder: () => '?',
    repeats: true,
  }
}
