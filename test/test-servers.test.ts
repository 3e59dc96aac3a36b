import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { chosen, demand, LeftOut, NAMES } from './support/chosen.js'
import { serverUrl } from './support/databases.js'
import { readSources } from './support/servers/debian.js'
import { SERVERS } from './support/servers/find.js'
import { suite } from './support/suite.js'

const test = suite('where the tests get their servers from')

test('a MariaDB is not taken for a MySQL, nor the other way round', async () => {
  const [mariadb, mysql] = [serverUrl('mariadb'), serverUrl('mysql')]
  assert.match(await SERVERS.mariadb.probe(mariadb), /mariadb/i)
  assert.not.match(await SERVERS.mysql.probe(mysql), /mariadb/i)
  for (const probe of [() => SERVERS.mariadb.probe(mysql), () => SERVERS.mysql.probe(mariadb)]) {
    const error = await probe().catch((refusal: unknown) => refusal)
    assert.match(String(error), /answers there/)
  }
})

test('a run is about all databases, or about those that are named', () => {
  assert.equal(chosen(''), NAMES)
  assert.equal(chosen('sqlite, postgres'), ['postgres', 'sqlite'])
  assert.throws(() => chosen('sqlite,oracle'), /ROWCAST_TEST_ONLY names oracle: it takes some of postgres, mariadb/)
  const before = process.env.ROWCAST_TEST_ONLY
  try {
    process.env.ROWCAST_TEST_ONLY = 'sqlite'
    demand('sqlite')
    assert.throws(
      () => demand('mysql'),
      (error: unknown) => error instanceof LeftOut,
    )
  } finally {
    if (before === undefined) delete process.env.ROWCAST_TEST_ONLY
    else process.env.ROWCAST_TEST_ONLY = before
  }
})

test("apt's sources are read in either format, without those that are turned off", () => {
  const folder = mkdtempSync(join(tmpdir(), 'rowcast-apt-'))
  try {
    mkdirSync(join(folder, 'sources.list.d'))
    const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
    write(
      'sources.list',
      `# deb http://off.example/debian sid main
deb [arch=amd64 signed-by=/keys/a.gpg] http://one.example/debian bookworm main
deb-src http://sources.example/debian bookworm main
deb http://two.example/debian bookworm main contrib
`,
    )
    write('sources.list.d/ignored.list.bak', 'deb http://backup.example/debian bookworm main\n')
    write('sources.list.d/a.list', 'deb http://one.example/debian bookworm-updates main\n')
    write(
      'sources.list.d/b.sources',
      `Types: deb deb-src
# URIs: http://commented.example/debian
URIs: http://three.example/debian
  http://four.example/debian
Suites: bookworm
Signed-By: /keys/b.gpg

Types: deb
URIs: http://disabled.example/debian
Enabled: no
Suites: bookworm

Types: deb
URIs: http://five.example/debian
Suites: bookworm
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
 -----END PGP PUBLIC KEY BLOCK-----
`,
    )
    assert.equal(readSources(folder), [
      { uri: 'http://one.example/debian', signedBy: '/keys/a.gpg' },
      { uri: 'http://two.example/debian', signedBy: undefined },
      { uri: 'http://three.example/debian', signedBy: '/keys/b.gpg' },
      { uri: 'http://four.example/debian', signedBy: '/keys/b.gpg' },
      {
        uri: 'http://five.example/debian',
        signedBy: '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----',
      },
    ])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.run()
