#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes more voices for oneadapt-train-speech --extra out of what Debian has: speech synthesisers and recorded prompts.
# usage: voices.sh FOLDER [--install]     (--install: apt-get installs what is needed)
set -euo pipefail
out=${1:?usage: voices.sh FOLDER [--install]}
packages=(espeak-ng flite festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts asterisk-core-sounds-en-wav sox)
if [[ ${2:-} == --install ]]; then
  if ((EUID == 0)); then apt-get install -y --no-install-recommends "${packages[@]}"; else sudo apt-get install -y --no-install-recommends "${packages[@]}"; fi
fi
for program in espeak-ng flite text2wave sox; do
  command -v "$program" >/dev/null || { echo "voices.sh: there is no $program: install ${packages[*]}, or run with --install" >&2; exit 1; }
done
mkdir -p "$out"
# What was written last may be half a recording.
trap 'rm -f "$out/$(ls -t "$out" | head -n 1)"; echo "voices.sh: interrupted; run it again for the rest" >&2; exit 130' INT TERM HUP
words=(zero one two three four five six seven eight nine)
# Sentences without numbers: speech that is none of the words.
sentences=(
  'Please keep the windows closed while the heating is on.'
  'The river runs past the old mill and under the bridge.'
  'She asked them whether the train would stop here today.'
  'My brother likes coffee, but never sugar with it.'
  'Turn left at the corner and follow the road up the hill.'
  'They were walking slowly through the wet grass.'
  'Nobody knew what the small grey box was good for.'
  'I should have brought a coat, as it is very cold.'
  'The museum shows paintings of ships and of the sea.'
  'Can you hear how the rain falls on the roof?'
)

# The accents and timbres of espeak-ng; speed and pitch differ from voice to voice.
accents=(en-us en-gb en-gb-scotland en-gb-x-rp en-gb-x-gbclan en-gb-x-gbcwmd en-029)
timbres=(m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 klatt klatt2 klatt3 klatt4 klatt6 croak Alex Andy Annie Andrea Adam Denis David Ed Gene Hugo Jacky Lee Linda Michel Mario Michael Mike Mr_serious Norbert Quincy Rob Robert Steph Steph2 Steph3 Tweaky Zac belinda aunty max pedro quincy rob steph victor travis grandma grandpa iven iven2 iven3 john kaukovalta linda miguel mike norbert paul robosoft sandro shelby zac)
n=0
for accent in "${accents[@]}"; do
  for timbre in '' "${timbres[@]}"; do
    # Each accent with a third of the timbres.
    n=$((n + 1))
    ((n % 3 == 0)) || [[ -z $timbre ]] || continue
    voice=$accent${timbre:++$timbre}
    name=espeak-${voice//[^A-Za-z0-9]/-}
    for take in 0 1; do
      speed=$((115 + (n * 37 + take * 61) % 110))
      pitch=$((30 + (n * 13 + take * 29) % 45))
      for w in "${!words[@]}"; do
        espeak-ng -v "$voice" -s "$speed" -p "$pitch" -w "$out/${w}_${name}_$take.wav" "${words[w]}." 2>/dev/null || true
      done
    done
    espeak-ng -v "$voice" -s "$speed" -p "$pitch" -w "$out/other_${name}_0.wav" "${sentences[n % 10]}" 2>/dev/null || true
  done
done

# English with the sounds of other languages: words spelled for their rules.
declare -A spelled=(
  [de]='siero wann tuh srih foor feif six ßewwen eyt nein'
  [fr-fr]='ziro ouane tou sri fore faïve six sévène éïte naïne'
  [nl]='ziro waan toe srie foor faaif siks sewwen eet nain'
  [it]='siro uan tu sri for faiv six seven eit nain'
  [es]='siro uan tu zri for faif six seven eit nain'
  [sv]='siro oann to sri får fajv six seven ejt najn'
  [pl]='ziro łan tu tri for fajw syks sewen ejt najn'
  [hi]='zīro van tū thrī fōr fāiv siks sevan ēṭ nāin'
  [el]='ζίρο ουάν του θρι φορ φάιβ σιξ σέβεν έιτ νάιν'
  [ru]='зи́роу уа́н ту сри фор файв сикс сэ́вэн эйт найн'
)
for language in "${!spelled[@]}"; do
  read -ra said <<<"${spelled[$language]}"
  for timbre in '' m2 m3 m5 f2 f4 klatt3 Andy Linda; do
    name=espeak-$language${timbre:+-$timbre}
    for w in "${!words[@]}"; do
      espeak-ng -v "$language${timbre:++$timbre}" -s $((130 + (w * 7 + ${#timbre} * 19) % 60)) -w "$out/${w}_${name}_0.wav" "${said[w]}" 2>/dev/null || true
    done
  done
done

for voice in kal kal16 awb rms slt; do
  take=0
  for stretch in 0.8 1.0 1.2; do
    for w in "${!words[@]}"; do
      # A full stop, a comma and a question differ in melody.
      n=0
      for end in . , '?'; do
        flite -voice $voice --setf duration_stretch=$stretch -t "${words[w]}$end" -o "$out/${w}_flite-${voice}_$take$n.wav"
        n=$((n + 1))
      done
    done
    take=$((take + 1))
  done
  for s in "${!sentences[@]}"; do flite -voice $voice -t "${sentences[s]}" -o "$out/other_flite-${voice}_$s.wav"; done
done

for voice in kal_diphone ked_diphone cmu_us_slt_arctic_hts; do
  take=0
  for stretch in 0.85 1.0 1.2; do
    for w in "${!words[@]}"; do
      echo "${words[w]}." | text2wave -eval "(voice_$voice)" -eval "(Parameter.set 'Duration_Stretch $stretch)" \
        -o "$out/${w}_festival-${voice//_/-}_$take.wav" 2>/dev/null || true
    done
    take=$((take + 1))
  done
done

# Recorded: Asterisk's prompts.
prompts=$(dpkg -L asterisk-core-sounds-en-wav 2>/dev/null | grep -m1 '/digits/0\.wav$' || true)
if [[ -n $prompts ]]; then
  prompts=${prompts%/0.wav}
  for w in "${!words[@]}"; do cp "$prompts/$w.wav" "$out/${w}_asterisk_0.wav"; done
  n=0
  for other in "$prompts"/../{agent-loginok,auth-thankyou,goodbye,hello-world,pbx-invalid,please-try-again,privacy-unident,queue-thankyou,transfer,vm-goodbye,vm-intro,vm-password,dir-intro,conf-onlyperson,demo-congrats,tt-weasels}.wav; do
    if [[ -f $other ]]; then cp "$other" "$out/other_asterisk_$n.wav"; n=$((n + 1)); fi
  done
fi
# What said nothing (a voice that is not there) goes.
find "$out" -name '*.wav' -size -2k -delete
echo "voices.sh: $(ls "$out" | wc -l) recordings by $(ls "$out" | sed 's/^[^_]*_//; s/_[^_]*$//' | sort -u | wc -l) voices in $out"
