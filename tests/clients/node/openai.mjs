// OpenAI's client for Node: chat completions, or with the word "responses" the Responses API.
import OpenAI from 'openai'
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod'
import { z } from 'zod'

import { embedder, failures, key, letGo, model, picture, report, url } from './client.mjs'

const open = (apiKey) => new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 })
const client = open(key)
const hello = [{ role: 'user', content: 'Hello?' }]
const days = z.object({ days: z.number() })
const parameters = {
  type: 'object',
  properties: { thing: { type: 'string' } },
  required: ['thing'],
  additionalProperties: false,
}
const address = `data:image/png;base64,${picture}`

const embeddings = async () =>
  (await client.embeddings.create({ model: embedder, input: 'Hello' })).data[0].embedding

const chat = {
  plain: async () =>
    (await client.chat.completions.create({ model: model('m'), messages: hello })).choices[0].message.content,
  stream: async () => {
    const pieces = []
    const stream = await client.chat.completions.create({ model: model('m'), messages: hello, stream: true })
    for await (const chunk of stream) pieces.push(chunk.choices[0]?.delta.content ?? '')
    return pieces.filter(Boolean)
  },
  tools: async () => {
    const things = []
    const runner = client.chat.completions.runTools({
      model: model('m'),
      messages: hello,
      stream: true,
      tools: [
        {
          type: 'function',
          function: {
            name: 'weigh',
            description: 'Weigh a thing.',
            parameters,
            parse: JSON.parse,
            function: ({ thing }) => {
              things.push(thing)
              return '7'
            },
          },
        },
      ],
    })
    const text = await runner.finalContent()
    return [...things, text]
  },
  parallel: async () => {
    const tools = [{ type: 'function', function: { name: 'weigh', parameters, strict: true } }]
    const asked = { model: model('pair'), tools }
    const first = (await client.chat.completions.create({ ...asked, messages: hello })).choices[0].message
    const results = first.tool_calls.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: '7' }))
    const last = await client.chat.completions.create({ ...asked, messages: [...hello, first, ...results] })
    const things = first.tool_calls.map((call) => JSON.parse(call.function.arguments).thing)
    return [...things, last.choices[0].message.content]
  },
  usage: async () => {
    const asked = { model: model('m'), messages: hello, stream_options: { include_usage: true } }
    const counted = await client.chat.completions.stream(asked).totalUsage()
    return [counted.prompt_tokens, counted.completion_tokens]
  },
  reasoning: async () => {
    const answer = await client.chat.completions.create({ model: model('thinks'), messages: hello })
    return [answer.choices[0].message.reasoning_content, answer.choices[0].message.content]
  },
  retries: async () => {
    const asked = { model: model('flaky'), messages: hello }
    return (await client.chat.completions.create(asked, { maxRetries: 2 })).choices[0].message.content
  },
  schema: async () =>
    (
      await client.chat.completions.parse({
        model: model('m'),
        messages: hello,
        response_format: zodResponseFormat(days, 'answer'),
      })
    ).choices[0].message.parsed,
  images: async () => {
    const content = [
      { type: 'text', text: 'What is it?' },
      { type: 'image_url', image_url: { url: address } },
    ]
    const answer = await client.chat.completions.create({ model: model('m'), messages: [{ role: 'user', content }] })
    return answer.choices[0].message.content
  },
  embeddings,
  errors: () =>
    failures((token, asked) => open(token).chat.completions.create({ model: asked, messages: hello, max_tokens: 9000 })),
  cancel: async () => {
    const stream = await client.chat.completions.create({ model: model('slow'), messages: hello, stream: true })
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break
    return await letGo()
  },
}

const responses = {
  plain: async () => (await client.responses.create({ model: model('m'), input: 'Hello?' })).output_text,
  stream: async () => {
    const pieces = []
    const stream = client.responses.stream({ model: model('m'), input: 'Hello?' })
    for await (const event of stream) if (event.type === 'response.output_text.delta') pieces.push(event.delta)
    const whole = (await stream.finalResponse()).output_text
    return whole === pieces.join('') ? pieces : [whole]
  },
  tools: async () => {
    const tools = [{ type: 'function', name: 'weigh', parameters, strict: true }]
    const first = await client.responses.create({ model: model('m'), input: hello, tools })
    const call = first.output.find((item) => item.type === 'function_call')
    const output = { type: 'function_call_output', call_id: call.call_id, output: '7' }
    const second = await client.responses.create({
      model: model('m'),
      input: [...hello, ...first.output, output],
      tools,
    })
    return [JSON.parse(call.arguments).thing, second.output_text]
  },
  parallel: async () => {
    const tools = [{ type: 'function', name: 'weigh', parameters, strict: true }]
    const asked = { model: model('pair'), tools }
    const first = (await client.responses.create({ ...asked, input: hello })).output
    const calls = first.filter((item) => item.type === 'function_call')
    const results = calls.map(({ call_id }) => ({ type: 'function_call_output', call_id, output: '7' }))
    const last = await client.responses.create({ ...asked, input: [...hello, ...first, ...results] })
    return [...calls.map((call) => JSON.parse(call.arguments).thing), last.output_text]
  },
  usage: async () => {
    const { usage } = await client.responses.stream({ model: model('m'), input: 'Hello?' }).finalResponse()
    return [usage.input_tokens, usage.output_tokens]
  },
  reasoning: async () => {
    const asked = { model: model('thinks'), input: 'Hello?', reasoning: { summary: 'auto' } }
    const answer = await client.responses.create(asked)
    return [answer.output.find((item) => item.type === 'reasoning').summary[0].text, answer.output_text]
  },
  retries: async () =>
    (await client.responses.create({ model: model('flaky'), input: 'Hello?' }, { maxRetries: 2 })).output_text,
  schema: async () =>
    (
      await client.responses.parse({
        model: model('m'),
        input: 'Hello?',
        text: { format: zodTextFormat(days, 'answer') },
      })
    ).output_parsed,
  images: async () => {
    const content = [
      { type: 'input_text', text: 'What is it?' },
      { type: 'input_image', image_url: address, detail: 'auto' },
    ]
    return (await client.responses.create({ model: model('m'), input: [{ role: 'user', content }] })).output_text
  },
  embeddings,
  errors: () =>
    failures((token, asked) => open(token).responses.create({ model: asked, input: 'Hello?', max_output_tokens: 9000 })),
  cancel: async () => {
    const stream = await client.responses.create({ model: model('slow'), input: 'Hello?', stream: true })
    for await (const event of stream) if (event.type === 'response.output_text.delta') break
    return await letGo()
  },
}

await report(process.argv[2] === 'responses' ? responses : chat)
