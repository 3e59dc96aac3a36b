import * as assert from 'uvu/assert'
import { EventChannel, optionsFromEnvironment } from '../src/index.js'
import { VARIABLES } from '../src/options/environment.js'
import { channelOptions } from '../src/options/options.js'
import { rejects } from './support/errors.js'
import { silent } from './support/logger.js'
import { suite } from './support/suite.js'

const test = suite('options from the environment')

test('every option that is a number, a switch or a text has a variable', () => {
  const options = optionsFromEnvironment({
    ROWCAST_BACKEND: 'queue',
    ROWCAST_SCHEMA: 'events',
    ROWCAST_TABLE_PREFIX: 'app_',
    ROWCAST_LISTEN_URL: 'postgres://db:5432/app',
    ROWCAST_SERVICE_NAME: 'shop',
    ROWCAST_LEASE_MS: '5000',
    ROWCAST_MAX_ATTEMPTS: '3',
    ROWCAST_RETENTION_MS: '0',
    ROWCAST_POLL_INTERVAL_MS: '250.5',
    ROWCAST_MAX_PAYLOAD_BYTES: '1e3',
    ROWCAST_AUTO_MIGRATE: 'false',
    ROWCAST_BEST_EFFORT: 'true',
    ROWCAST_DROP_UNREAD: 'true',
  })
  assert.equal(options, {
    backend: 'queue',
    schema: 'events',
    tablePrefix: 'app_',
    listenUrl: 'postgres://db:5432/app',
    serviceName: 'shop',
    leaseMs: 5_000,
    maxAttempts: 3,
    retentionMs: 0,
    pollIntervalMs: 250.5,
    maxPayloadBytes: 1_000,
    autoMigrate: false,
    bestEffort: true,
    dropUnread: true,
  })
})

test('every other option has none', () => {
  const readable = new Set(VARIABLES.map(({ option }) => option))
  assert.equal(
    Object.keys(channelOptions).filter((option) => !readable.has(option)),
    ['schemas', 'logger'],
  )
})

test('what is not set, empty or not an option is left to the defaults', () => {
  assert.equal(optionsFromEnvironment({}), {})
  assert.equal(
    optionsFromEnvironment({ ROWCAST_LEASE_MS: '', ROWCAST_URL: 'sqlite:x', ROWCAST_LOGGER: 'x', HOME: '/' }),
    {},
  )
})

test('without an argument it reads the environment of the process', () => {
  process.env.ROWCAST_LEASE_MS = '1234'
  assert.is(optionsFromEnvironment().leaseMs, 1_234)
  delete process.env.ROWCAST_LEASE_MS
  assert.is(optionsFromEnvironment().leaseMs, undefined)
})

test('a value that does not fit its option is refused by open, by name and value', async () => {
  const wrong: [NodeJS.ProcessEnv, RegExp][] = [
    [{ ROWCAST_LEASE_MS: 'soon' }, /leaseMs must be number, but is NaN/],
    [{ ROWCAST_LEASE_MS: '-5' }, /leaseMs must be at least 10 ms, but is -5/],
    [{ ROWCAST_LEASE_MS: ' ' }, /leaseMs must be at least 10 ms, but is 0/],
    [{ ROWCAST_MAX_ATTEMPTS: '1.5' }, /maxAttempts must be a whole number, but is 1\.5/],
    [{ ROWCAST_AUTO_MIGRATE: 'yes' }, /autoMigrate must be boolean, but is "yes"/],
    [{ ROWCAST_BEST_EFFORT: 'TRUE' }, /bestEffort must be boolean, but is "TRUE"/],
    [{ ROWCAST_BACKEND: 'kafka' }, /backend must be .*, but is "kafka"/],
    [
      { ROWCAST_LISTEN_URL: 'mysql://app:secret@db' },
      /listenUrl must be a postgres:\/\/ URL, but is a text that may hold/,
    ],
  ]
  for (const [environment, message] of wrong) {
    await rejects(EventChannel.open('sqlite::memory:', optionsFromEnvironment(environment)), 'CONFIGURATION', message)
  }
})

test('what it answers opens a channel', async () => {
  const options = optionsFromEnvironment({ ROWCAST_LEASE_MS: '5000', ROWCAST_TABLE_PREFIX: 'mine_' })
  await using channel = await EventChannel.open('sqlite::memory:', { ...options, logger: silent })
  assert.type(await channel.publish('orders', 1), 'string')
})

test.run()
