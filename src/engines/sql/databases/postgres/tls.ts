import { ConfigurationError } from '../../../../common/errors.js'
import { readTlsFiles, type TlsFiles } from '../tls-files.js'
import type { UrlParameters } from '../url.js'

/** What the driver hands to Node's `tls.connect`; files alone verify both the certificate and its host name. */
interface TlsOptions extends TlsFiles {
  readonly rejectUnauthorized?: boolean
  readonly checkServerIdentity?: () => undefined
}

/** A way to secure a connection; `false` is plain text. */
export type Way = TlsOptions | false

type Mode = (typeof MODES)[number]
/** The words of libpq; `no-verify` is the driver's own word. */
const MODES = ['disable', 'allow', 'prefer', 'require', 'no-verify', 'verify-ca', 'verify-full'] as const
/** The driver's other parameter, and what it means. */
const SWITCHES: Readonly<Record<string, Mode>> = {
  true: 'verify-full',
  1: 'verify-full',
  false: 'disable',
  0: 'disable',
  'no-verify': 'no-verify',
}
const NAMES = { ca: 'sslrootcert', cert: 'sslcert', key: 'sslkey', passphrase: 'sslpassword' } as const

/**
 * The ways to try, in their order. By libpq's rules, but that nothing is encrypted unless something asks for it, as in the
 * driver, and that a file alone asks for `verify-full`.
 * @param environment `PGSSLMODE`, `PGSSLROOTCERT`, `PGSSLCERT` and `PGSSLKEY` stand in for what the URL leaves out
 * @throws {ConfigurationError} when a file cannot be read or used, a mode is unknown or lacks what it needs
 */
export function readTls(parameters: UrlParameters, environment: NodeJS.ProcessEnv): readonly Way[] {
  const ca = parameters.text(NAMES.ca) ?? (environment.PGSSLROOTCERT || undefined)
  const cert = parameters.text(NAMES.cert) ?? (environment.PGSSLCERT || undefined)
  const key = parameters.text(NAMES.key) ?? (environment.PGSSLKEY || undefined)
  const passphrase = parameters.text(NAMES.passphrase)
  const mode = readMode(parameters, environment) ?? (ca || cert || key ? 'verify-full' : 'disable')
  if (mode === 'disable') return [false]
  const isSystem = ca === 'system'
  if (isSystem && mode !== 'verify-full') parameters.refuse(NAMES.ca, 'system needs sslmode=verify-full')
  if (mode === 'verify-ca' && ca === undefined) {
    parameters.refuse('sslmode', 'verify-ca needs sslrootcert, the file of the CA; for a public CA say verify-full')
  }
  const paths = { ca: isSystem ? undefined : ca, cert, key, passphrase }
  return waysOf(mode, readTlsFiles(parameters, NAMES, paths))
}

function readMode(parameters: UrlParameters, environment: NodeJS.ProcessEnv): Mode | undefined {
  const mode = parameters.oneOf('sslmode', MODES)
  const on = parameters.oneOf('ssl', Object.keys(SWITCHES))
  if (mode !== undefined && on !== undefined) parameters.refuse('ssl', 'and sslmode say the same: use sslmode alone')
  // The driver's switch between its own rules for sslmode and those of libpq, which hold here in any case.
  parameters.oneOf('uselibpqcompat', ['true'])
  return mode ?? (on === undefined ? readVariable(environment.PGSSLMODE) : SWITCHES[on])
}

/** One that is misspelt must not mean plain text. */
function readVariable(text: string | undefined): Mode | undefined {
  if (text === undefined || text === '') return undefined
  const mode = MODES.find((known) => known === text)
  if (mode !== undefined) return mode
  throw new ConfigurationError(`EventChannel.open: the variable PGSSLMODE must be one of ${MODES.join(', ')}`)
}

function waysOf(mode: Exclude<Mode, 'disable'>, files: TlsFiles): readonly Way[] {
  const encrypted: TlsOptions = { ...files, rejectUnauthorized: false }
  const signed: TlsOptions = { ...files, checkServerIdentity: () => undefined }
  switch (mode) {
    case 'allow':
      return [false, encrypted]
    case 'prefer':
      return [encrypted, false]
    case 'no-verify':
      return [encrypted]
    case 'require':
      return [files.ca === undefined ? encrypted : signed]
    case 'verify-ca':
      return [signed]
    case 'verify-full':
      return [files]
  }
}
