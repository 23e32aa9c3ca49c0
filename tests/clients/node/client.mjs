// What all programs share: addresses, keys, and how a feature's outcome is recorded.
const { VITAL_URL, VITAL_KEY, POOR_KEY, WRONG_KEY, PROVIDER, PROVIDER_URL, PICTURE } = process.env

export const url = VITAL_URL
export const key = VITAL_KEY
export const keys = { poor: POOR_KEY, wrong: WRONG_KEY }
export const picture = PICTURE
export const model = (name) => `${PROVIDER}:${name}`
export const embedder = 'chat:embedder'

/** Wait until the gateway has let its provider go. */
export async function letGo() {
  return await (await fetch(`${PROVIDER_URL}/gone`)).json()
}

/** Ask with every failure, and give the names of the exceptions and their statuses. */
export async function failures(ask, status = (error) => error.status) {
  const found = {}
  const cases = {
    401: [keys.wrong, model('m')],
    404: [key, 'nobody:m'],
    400: [key, model('wrong')],
    402: [keys.poor, model('m')],
    429: [key, model('busy')],
    '5xx': [key, model('down')],
  }
  for (const [name, [token, asked]] of Object.entries(cases)) {
    try {
      await ask(token, asked)
      found[name] = 'nothing'
    } catch (error) {
      found[name] = `${error.constructor.name} ${status(error)}`
    }
  }
  return found
}

/** Run every feature, and print what each gave; a failure is told in its place. */
export async function report(features) {
  const found = {}
  for (const [name, feature] of Object.entries(features)) {
    try {
      found[name] = await feature()
    } catch (error) {
      found[name] = `failed: ${error.constructor.name}: ${error.message} ${error.stack}`
    }
  }
  console.log(JSON.stringify(found))
}
