import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'

import { Refused } from '../api/client'

/** Carry out an act, say how it ended, and ask again for what it has changed. */
export function useAct<Given, Made>(
  act: (given: Given) => Promise<Made>,
  { said, changes, then }: { said: (made: Made) => string; changes: string[]; then?: (made: Made) => void },
) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: act,
    onSuccess: (made) => {
      notifications.show({ message: said(made), color: 'teal' })
      then?.(made)
    },
    onError: (error) => {
      const told = error instanceof Refused ? error.problem : null
      notifications.show({
        title: told?.detail ?? error.message,
        message: told?.remedy ?? '',
        color: 'red',
        autoClose: 12_000,
      })
    },
    // After a refusal as well: often somebody else was quicker, and the page shows what is no longer so.
    onSettled: () => {
      for (const key of changes) void client.invalidateQueries({ queryKey: [key] })
    },
  })
}
