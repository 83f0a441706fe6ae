// The page's side of the chat. A room is a handful of subjects:
//
//     chat.ROOM.said      what somebody says            { id, name, text, at }
//     chat.ROOM.came      somebody came                 { id, name }; everybody who is there answers on
//     chat.ROOM.here      somebody is there             { id, name }
//     chat.ROOM.left      somebody left                 { id, name }
//
// What others say is put on the page as text, never as HTML.

import { nuid, wsconnect } from '/nats.js'

const MESSAGES_MAX = 500
const element = (id) => document.getElementById(id)
const me = { id: nuid.next(), name: '' }
const people = new Map()
element('name').focus()

element('login').addEventListener('submit', async (event) => {
  event.preventDefault()
  me.name = element('name').value.trim()
  const room = element('room').value.trim()
  if (me.name === '') return
  element('login').hidden = true
  element('chat').hidden = false
  element('where').textContent = room
  document.title = `#${room} – ${me.name}`
  try {
    await enter(room)
  } catch (error) {
    showState('away', `cannot connect: ${error.message}`)
  }
})

async function enter(room) {
  showState('connecting', 'connecting …')
  const { port } = await (await fetch('/settings.json')).json()
  const nats = await wsconnect({
    servers: `ws://${location.hostname}:${port}`,
    name: `chat: ${me.name}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 1000,
  })
  const subject = (what) => `chat.${room}.${what}`
  const tell = (what, members = {}) => nats.publish(subject(what), JSON.stringify({ ...me, ...members }))
  const hear = (what, act) =>
    nats.subscribe(subject(what), {
      callback: (error, message) => {
        const heard = error ? undefined : read(message)
        if (heard !== undefined) act(heard)
      },
    })

  hear('said', showMessage)
  hear('here', arrived)
  hear('came', (somebody) => {
    if (somebody.id !== me.id) showNote(`${somebody.name} came in`)
    arrived(somebody)
    tell('here')
  })
  hear('left', (somebody) => {
    if (people.delete(somebody.id)) showNote(`${somebody.name} left`)
    showPeople()
  })
  tell('came')
  await nats.flush()
  showState('connected', 'connected')
  watch(nats, () => tell('came'))

  element('compose').addEventListener('submit', (event) => {
    event.preventDefault()
    const text = element('text').value.trim()
    if (text !== '') tell('said', { text, at: Date.now() })
    element('text').value = ''
  })
  addEventListener('pagehide', () => {
    tell('left')
    nats.close()
  })
  element('text').focus()
}

/** Shows whether the server is there, and says hello again when it is back. */
async function watch(nats, greet) {
  for await (const status of nats.status()) {
    if (status.type === 'disconnect') {
      people.clear()
      showPeople()
      showState('away', 'connection lost, trying again …')
    } else if (status.type === 'reconnect') {
      showState('connected', 'connected')
      greet()
    }
  }
}

/** What somebody sent, if it is what it should be: anybody may send anything. */
function read(message) {
  try {
    const heard = message.json()
    return typeof heard.id === 'string' && typeof heard.name === 'string' ? heard : undefined
  } catch {
    return undefined
  }
}

function arrived({ id, name }) {
  people.set(id, name)
  showPeople()
}

function showPeople() {
  const names = [...people.values()].sort((a, b) => a.localeCompare(b))
  element('people').textContent = names.length < 2 ? 'nobody else is here' : names.join(', ')
}

function showState(state, text) {
  element('state').dataset.state = state
  element('state').textContent = text
}

function showMessage({ id, name, text, at }) {
  const time = new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
  const by = document.createElement('span')
  by.className = 'by'
  by.textContent = id === me.id ? time : `${name} · ${time}`
  const said = document.createElement('span')
  said.textContent = String(text)
  add(id === me.id ? 'message own' : 'message', by, said)
}

function showNote(text) {
  add('note', text)
}

/** Puts a line at the end; whoever reads further up stays there. */
function add(kind, ...parts) {
  const list = element('messages')
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40
  const line = document.createElement('li')
  line.className = kind
  line.append(...parts)
  list.append(line)
  while (list.children.length > MESSAGES_MAX) list.firstElementChild.remove()
  if (atEnd) list.scrollTop = list.scrollHeight
}
