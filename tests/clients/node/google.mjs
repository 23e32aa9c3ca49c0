// Google's client for Node.
import { GoogleGenAI } from '@google/genai'

import { embedder, failures, key, letGo, model, picture, report, url } from './client.mjs'

const open = (apiKey) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: url } })
const { models } = open(key)
const asked = { model: model('m'), contents: 'Hello?' }
const days = { type: 'OBJECT', properties: { days: { type: 'INTEGER' } }, required: ['days'] }

await report({
  plain: async () => (await models.generateContent(asked)).text,
  stream: async () => {
    const pieces = []
    for await (const chunk of await models.generateContentStream(asked)) if (chunk.text) pieces.push(chunk.text)
    return pieces
  },
  tools: async () => {
    const parameters = { type: 'OBJECT', properties: { thing: { type: 'STRING' } }, required: ['thing'] }
    const weigh = { name: 'weigh', description: 'Weigh a thing.', parameters }
    const config = { tools: [{ functionDeclarations: [weigh] }] }
    const first = await models.generateContent({ ...asked, config })
    const [call] = first.functionCalls
    const output = { functionResponse: { id: call.id, name: call.name, response: { output: '7' } } }
    const contents = [
      { role: 'user', parts: [{ text: 'Hello?' }] },
      first.candidates[0].content,
      { role: 'user', parts: [output] },
    ]
    return [call.args.thing, (await models.generateContent({ ...asked, contents, config })).text]
  },
  parallel: async () => {
    const parameters = { type: 'OBJECT', properties: { thing: { type: 'STRING' } }, required: ['thing'] }
    const config = { tools: [{ functionDeclarations: [{ name: 'weigh', description: 'Weigh a thing.', parameters }] }] }
    const pair = { model: model('pair'), config }
    const first = await models.generateContent({ ...pair, contents: 'Hello?' })
    const parts = first.functionCalls.map(({ id, name }) => ({
      functionResponse: { id, name, response: { output: '7' } },
    }))
    const contents = [
      { role: 'user', parts: [{ text: 'Hello?' }] },
      first.candidates[0].content,
      { role: 'user', parts },
    ]
    const { text } = await models.generateContent({ ...pair, contents })
    return [...first.functionCalls.map((call) => call.args.thing), text]
  },
  usage: async () => {
    let counted
    for await (const chunk of await models.generateContentStream(asked)) counted = chunk.usageMetadata
    return [counted.promptTokenCount, counted.candidatesTokenCount + (counted.thoughtsTokenCount ?? 0)]
  },
  reasoning: async () => {
    const config = { thinkingConfig: { includeThoughts: true } }
    const answer = await models.generateContent({ ...asked, model: model('thinks'), config })
    const thoughts = answer.candidates[0].content.parts.filter((part) => part.thought)
    return [thoughts.map((part) => part.text).join(''), answer.text]
  },
  retries: async () => {
    const httpOptions = { baseUrl: url, retryOptions: { attempts: 3 } }
    const patient = new GoogleGenAI({ apiKey: key, httpOptions })
    return (await patient.models.generateContent({ ...asked, model: model('flaky') })).text
  },
  schema: async () => {
    const config = { responseMimeType: 'application/json', responseSchema: days }
    return JSON.parse((await models.generateContent({ ...asked, config })).text)
  },
  images: async () => {
    const contents = [{ inlineData: { mimeType: 'image/png', data: picture } }, { text: 'What is it?' }]
    return (await models.generateContent({ ...asked, contents })).text
  },
  embeddings: async () => (await models.embedContent({ model: embedder, contents: 'Hello' })).embeddings[0].values,
  errors: () =>
    failures((token, name) =>
      open(token).models.generateContent({ ...asked, model: name, config: { maxOutputTokens: 9000 } }),
    ),
  cancel: async () => {
    const leaving = new AbortController()
    const config = { abortSignal: leaving.signal }
    const stream = await models.generateContentStream({ ...asked, model: model('slow'), config })
    try {
      for await (const chunk of stream) if (chunk.text) leaving.abort()
    } catch (error) {
      if (!leaving.signal.aborted) throw error
    }
    return await letGo()
  },
})
