// Anthropic's client for Node.
import Anthropic from '@anthropic-ai/sdk'
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod'
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema'
import { z } from 'zod'

import { failures, key, letGo, model, picture, report, url } from './client.mjs'

const open = (apiKey) => new Anthropic({ baseURL: url, apiKey, maxRetries: 0 })
const client = open(key)
const asked = { model: model('m'), max_tokens: 99, messages: [{ role: 'user', content: 'Hello?' }] }

await report({
  plain: async () => (await client.messages.create(asked)).content[0].text,
  stream: async () => {
    const pieces = []
    const stream = client.messages.stream(asked)
    stream.on('text', (piece) => pieces.push(piece))
    const whole = await stream.finalText()
    return whole === pieces.join('') ? pieces : [whole]
  },
  tools: async () => {
    const things = []
    const weigh = betaTool({
      name: 'weigh',
      description: 'Weigh a thing.',
      inputSchema: { type: 'object', properties: { thing: { type: 'string' } }, required: ['thing'] },
      run: ({ thing }) => {
        things.push(thing)
        return '7'
      },
    })
    const last = await client.beta.messages.toolRunner({ ...asked, tools: [weigh] })
    return [...things, last.content[0].text]
  },
  parallel: async () => {
    const things = []
    const weigh = betaTool({
      name: 'weigh',
      description: 'Weigh a thing.',
      inputSchema: { type: 'object', properties: { thing: { type: 'string' } }, required: ['thing'] },
      run: ({ thing }) => {
        things.push(thing)
        return '7'
      },
    })
    const last = await client.beta.messages.toolRunner({ ...asked, model: model('pair'), tools: [weigh] })
    return [...things, last.content[0].text]
  },
  usage: async () => {
    const { usage } = await client.messages.stream(asked).finalMessage()
    const read = usage.input_tokens + (usage.cache_creation_input_tokens ?? 0) + (usage.cache_read_input_tokens ?? 0)
    return [read, usage.output_tokens]
  },
  reasoning: async () => {
    const thinking = { type: 'adaptive' }
    const [thought, text] = (await client.messages.create({ ...asked, model: model('thinks'), thinking })).content
    return [thought.thinking, text.text]
  },
  retries: async () =>
    (await client.messages.create({ ...asked, model: model('flaky') }, { maxRetries: 2 })).content[0].text,
  schema: async () => {
    const format = zodOutputFormat(z.object({ days: z.number() }))
    return (await client.messages.parse({ ...asked, output_config: { format } })).parsed_output
  },
  images: async () => {
    const source = { type: 'base64', media_type: 'image/png', data: picture }
    const content = [
      { type: 'image', source },
      { type: 'text', text: 'What is it?' },
    ]
    return (await client.messages.create({ ...asked, messages: [{ role: 'user', content }] })).content[0].text
  },
  errors: () => failures((token, name) => open(token).messages.create({ ...asked, model: name, max_tokens: 9000 })),
  cancel: async () => {
    const stream = await client.messages.create({ ...asked, model: model('slow'), stream: true })
    for await (const event of stream) if (event.type === 'content_block_delta') break
    return await letGo()
  },
})
