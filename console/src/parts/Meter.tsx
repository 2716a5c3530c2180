interface Part {
  share: number
  colour: string
}

/** A bar of shares of one whole. What it shows stands in words beside it, so it is hidden from screen readers. */
export function Meter({ parts }: { parts: Part[] }) {
  return (
    <div className="meter" aria-hidden>
      {parts.map((part, place) => (
        <i key={place} style={{ width: `${Math.min(100, Math.max(0, part.share * 100))}%`, background: part.colour }} />
      ))}
    </div>
  )
}
