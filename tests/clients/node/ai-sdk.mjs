// Vercel's AI SDK with a provider of its own, whose name is the first word.
import { createAnthropic } from '@ai-sdk/anthropic'
import { createGoogleGenerativeAI } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { Output, embed, generateText, stepCountIs, streamText, tool } from 'ai'
import { z } from 'zod'

import { embedder, failures, key, letGo, model, picture, report, url } from './client.mjs'

const baseURL = `${url}/v1`
const providers = {
  openai: (apiKey) => createOpenAI({ baseURL, apiKey }),
  chat: (apiKey) => createOpenAI({ baseURL, apiKey }).chat,
  compatible: (apiKey) =>
    createOpenAICompatible({ name: 'vital', baseURL, apiKey, supportsStructuredOutputs: true, includeUsage: true }),
  anthropic: (apiKey) => createAnthropic({ baseURL, apiKey }),
  google: (apiKey) => createGoogleGenerativeAI({ baseURL: `${url}/v1beta`, apiKey }),
}
const which = process.argv[2]
const open = providers[which]
const ask = { model: open(key)(model('m')), prompt: 'Hello?', maxRetries: 0 }
const embeddings = async () => {
  const has = ['compatible', 'google'].includes(which)
  const provider = has ? open(key) : createOpenAI({ baseURL, apiKey: key })
  const { embedding } = await embed({ model: provider.embeddingModel(embedder), value: 'Hello', maxRetries: 0 })
  return embedding
}

await report({
  plain: async () => (await generateText(ask)).text,
  stream: async () => {
    const pieces = []
    for await (const piece of streamText(ask).textStream) pieces.push(piece)
    return pieces
  },
  tools: async () => {
    const things = []
    const weigh = tool({
      description: 'Weigh a thing.',
      inputSchema: z.object({ thing: z.string() }),
      execute: async ({ thing }) => {
        things.push(thing)
        return '7'
      },
    })
    const result = streamText({ ...ask, tools: { weigh }, stopWhen: stepCountIs(2) })
    let text = ''
    for await (const piece of result.textStream) text += piece
    return [...things, text]
  },
  parallel: async () => {
    const things = []
    const weigh = tool({
      description: 'Weigh a thing.',
      inputSchema: z.object({ thing: z.string() }),
      execute: async ({ thing }) => {
        things.push(thing)
        return '7'
      },
    })
    const pair = open(key)(model('pair'))
    const { text } = await generateText({ ...ask, model: pair, tools: { weigh }, stopWhen: stepCountIs(2) })
    return [...things, text]
  },
  usage: async () => {
    const result = streamText(ask)
    await result.consumeStream()
    const { inputTokens, outputTokens } = await result.usage
    return [inputTokens, outputTokens]
  },
  reasoning: async () => {
    const thinks = open(key)(model('thinks'))
    const providerOptions = {
      openai: { reasoningSummary: 'auto', forceReasoning: true },
      anthropic: { thinking: { type: 'adaptive' } },
      google: { thinkingConfig: { includeThoughts: true } },
    }
    const { reasoningText, text } = await generateText({ ...ask, model: thinks, providerOptions })
    return [reasoningText, text]
  },
  retries: async () => (await generateText({ ...ask, model: open(key)(model('flaky')), maxRetries: 2 })).text,
  schema: async () => {
    const schema = z.object({ days: z.number() })
    return (await generateText({ ...ask, output: Output.object({ schema }) })).output
  },
  images: async () => {
    const content = [
      { type: 'text', text: 'What is it?' },
      { type: 'image', image: picture, mediaType: 'image/png' },
    ]
    const { prompt, ...rest } = ask
    return (await generateText({ ...rest, messages: [{ role: 'user', content }] })).text
  },
  ...(which === 'anthropic' ? {} : { embeddings }),
  errors: () =>
    failures(
      (token, name) => generateText({ ...ask, model: open(token)(name), maxOutputTokens: 9000 }),
      (error) => error.statusCode,
    ),
  cancel: async () => {
    const leaving = new AbortController()
    const result = streamText({ ...ask, model: open(key)(model('slow')), abortSignal: leaving.signal })
    for await (const piece of result.textStream) if (piece) leaving.abort()
    return await letGo()
  },
})
