import { useNavigate, useSearch } from '@tanstack/react-router'

/** A filter that lives in the address: what it is now, and how to change it. Empty takes it out. */
export function useSearchText(name: string): [string, (value: string) => void] {
  const search = useSearch({ strict: false }) as Record<string, string | undefined>
  const navigate = useNavigate()
  const change = (value: string) =>
    void navigate({
      to: '.',
      search: (before: Record<string, string | undefined>) => ({ ...before, [name]: value || undefined }) as never,
      replace: true,
      resetScroll: false, // what is read stays where it is
    })
  return [search[name] ?? '', change]
}
