import { Button, PasswordInput, Stack, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { signIn, useLink } from '../../api/session'
import { Said } from '../../parts/Said'
import './sign-in.css'

/** Taken out of the address at once, so that it stands in no history. */
function secretOfLink(): string {
  const secret = window.location.hash.slice(1)
  if (secret) window.history.replaceState(null, '', window.location.pathname)
  return secret
}

/** By a link that works once, or by name and password. */
export function SignIn() {
  const { t } = useTranslation()
  const [secret] = useState(secretOfLink)
  useEffect(() => {
    document.title = `${t('signIn.title')} · Remit`
  }, [t])
  return (
    <main className="sign-in">
      <div className="card sign-in-card">
        <div className="brand">
          <img src="/mark.svg" alt="" width={28} height={28} />
          Remit
        </div>
        <h1 className="h1">{t('signIn.title')}</h1>
        {secret ? <ByLink secret={secret} /> : <ByPassword />}
      </div>
    </main>
  )
}

function useEntering<Given>(enter: (given: Given) => Promise<void>) {
  const router = useRouter()
  return useMutation({
    mutationFn: enter,
    onSuccess: () => {
      const wanted = new URLSearchParams(window.location.search).get('to') ?? '/'
      // Only a page of ours: an address from elsewhere could have been written by anybody.
      router.history.push(wanted.startsWith('/') && !wanted.startsWith('//') ? wanted : '/')
    },
  })
}

/** A person presses the button, so that no preview of the link uses it up. */
function ByLink({ secret }: { secret: string }) {
  const { t } = useTranslation()
  const entering = useEntering(() => useLink(secret))
  return (
    <Stack gap="md">
      <div className="sub">{t('signIn.once')}</div>
      {entering.error && <Said error={entering.error} />}
      <Button onClick={() => entering.mutate(undefined)} loading={entering.isPending}>
        {t('signIn.enter')}
      </Button>
    </Stack>
  )
}

function ByPassword() {
  const { t } = useTranslation()
  const [person, setPerson] = useState('')
  const [password, setPassword] = useState('')
  const entering = useEntering(() => signIn(person.includes(':') ? person : `user:${person}`, password, ''))
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        entering.mutate(undefined)
      }}
    >
      <Stack gap="md">
        <TextInput
          label={t('signIn.person')}
          value={person}
          onChange={(event) => setPerson(event.currentTarget.value)}
          autoComplete="username"
          required
          withAsterisk={false}
        />
        <PasswordInput
          label={t('signIn.password')}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          autoComplete="current-password"
          required
          withAsterisk={false}
          visibilityToggleButtonProps={{ 'aria-label': t('signIn.show') }}
        />
        {entering.error && <Said error={entering.error} />}
        <Button type="submit" loading={entering.isPending}>
          {t('signIn.enter')}
        </Button>
        <div className="quiet">{t('signIn.noPassword')}</div>
      </Stack>
    </form>
  )
}
