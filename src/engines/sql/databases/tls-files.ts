import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { describe } from '../../../common/errors.js'
import type { UrlParameters } from './url.js'

/** What Node's TLS takes, read from files. */
export interface TlsFiles {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly passphrase?: string
}

/** Where a certificate authority, a certificate of the client's and its key are, and what opens the key. */
type TlsPaths = { readonly [Part in keyof TlsFiles]: string | undefined }

/**
 * Reads them, and looks whether they can be used: Node would only do so when it connects, and says neither which file is
 * wrong nor, for a CA, that one is.
 * @param names how a database's URL calls each
 * @throws {ConfigurationError} naming the parameter at fault
 */
export function readTlsFiles(
  parameters: UrlParameters,
  names: Readonly<Record<keyof TlsFiles, string>>,
  { ca: caPath, cert: certPath, key: keyPath, passphrase }: TlsPaths,
): TlsFiles {
  if ((certPath === undefined) !== (keyPath === undefined)) {
    parameters.refuse(names.cert, `and ${names.key} go together: name both files`)
  }
  const ca = readFile(parameters, names.ca, caPath)
  const cert = readFile(parameters, names.cert, certPath)
  const key = readFile(parameters, names.key, keyPath)
  checkUsable(parameters, names.ca, () => ca && new X509Certificate(ca))
  checkUsable(parameters, names.cert, () => cert && new X509Certificate(cert))
  checkUsable(
    parameters,
    `${names.key}, with ${names.cert} and ${names.passphrase},`,
    () => key && cert && createSecureContext({ cert, key, ...(passphrase && { passphrase }) }),
  )
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }), ...(passphrase && { passphrase }) }
}

function readFile(parameters: UrlParameters, name: string, path: string | undefined): string | undefined {
  try {
    return path && readFileSync(path, 'utf8')
  } catch (error) {
    return parameters.refuse(name, `cannot be read (${describe(error)}): check the path and its rights`)
  }
}

function checkUsable(parameters: UrlParameters, name: string, use: () => unknown): void {
  try {
    use()
  } catch (error) {
    parameters.refuse(
      name,
      `cannot be used (${describe(error)}): check that it is PEM, and that the parts belong together`,
    )
  }
}
