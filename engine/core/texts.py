"""Every sentence that a standing can say: English and Chinese side by side, with the same values in both."""

TEXTS: dict[str, tuple[str, str]] = {
    # Pieces that other sentences are made of.
    "raises": ("raises", "提高"),
    "lowers": ("lowers", "降低"),
    "one_point": ("1 point", "1 个百分点"),
    "rate_size": ("{value} points", "{value} 个百分点"),
    "other_size": ("{value}", "{value}"),
    "range": ("{value} (likely range {low} to {high})", "{value}（可能区间 {low} 至 {high}）"),
    "effect": (
        "it {verb} {metric} by {size}, with {people} in it and {control_people} in the control",
        "{metric}{verb} {size}，实验组 {people}，对照组 {control_people}",
    ),
    "counted": ("{have}", "{have}"),
    "counted_of": ("{have} of {planned}", "{have}，计划 {planned}"),
    "round_of": ("with about {needed} per arm", "每组约 {needed}"),
    "round_larger": ("with more people", "人数更多"),
    "yield": ("{arm} {value}", "{arm} 为 {value}"),
    "worth": (" Worth about {value} per 10,000 contacts{range}.", "折合每万名客户净增约 {value}{range}。"),
    "loses": (" It would lose about {value} per 10,000 contacts{range}.", "折合每万名客户净减约 {value}{range}。"),
    "money_range": (" ({low} to {high})", "（可能区间 {low} 至 {high}）"),
    # The sentence that a manager repeats.
    "winner": ("{arm} wins: {effect}.{worth}", "{arm} 胜出：{effect}。{worth}"),
    "leaning": ("{arm} looks best but is not proven: {effect}.{worth}", "{arm} 暂时领先，尚未证实：{effect}。{worth}"),
    "leaning_proven": (
        "{arm} is proven better than the control; whether another arm is better still is open: {effect}.{worth}",
        "{arm} 已证实优于对照，是否还有更好的实验组尚无定论：{effect}。{worth}",
    ),
    "leaning_audience": (
        "In {metric}, {arm} does better ({yields}), but it holds other people: nothing says what the cause is.",
        "{arm} 的{metric}更好（{yields}），但两边不是同一批人，不能说明原因。",
    ),
    "packs_alike": (
        "No pack does better than the control's in {metric}: {yields}. They are other people, and no cause is claimed.",
        "没有哪个人群包的{metric}优于对照：{yields}。各人群包不是同一批人，不作因果结论。",
    ),
    "packs_open": (
        "Not enough people to tell the packs apart in {metric}: {yields}. They are other people, and no cause is "
        "claimed.",
        "样本不足，各人群包的{metric}还分不出高低：{yields}。各人群包不是同一批人，不作因果结论。",
    ),
    "no_difference_one": (
        "{arm} is not worth a change, a lift of {useful} is not to be expected: {effect}.{worth}",
        "{arm} 不值得更换，预计达不到 {useful}的提升：{effect}。{worth}",
    ),
    "no_difference_many": (
        "No arm is worth a change: a lift of {useful} in {metric} is not to be expected from any of {arms}, "
        "with {people} per arm or more.",
        "没有值得更换的实验组：{arms} 的{metric}预计都达不到 {useful}的提升，每组至少 {people}。",
    ),
    "keep_control": (
        "Keep the control: {arms} did worse, and no arm shows a lift of {useful}, with {people} per arm or more. "
        "The nearest is {arm}: {effect}.",
        "保留对照：{arms} 更差，且没有实验组达到 {useful}的提升，每组至少 {people}。最接近的是 {arm}：{effect}。",
    ),
    "keep_control_one": (
        "Keep the control, {arm} is worse: {effect}.{worth}",
        "保留对照，{arm} 更差：{effect}。{worth}",
    ),
    "not_yet": ("Not enough people yet: {so_far} per arm are counted.", "样本不足：每组已计入 {so_far}。"),
    "not_enough": (
        "Not enough people to tell: a lift of {useful} is neither shown nor ruled out. The highest is {arm}: {effect}."
        "{worth}",
        "样本不足，无法判断：{useful}的提升既未证实也未排除。最高的是 {arm}：{effect}。{worth}",
    ),
    "nobody": (
        "Not enough people: there are no two arms to compare yet.",
        "样本不足：还没有可以比较的两组。",
    ),
    "stopped": ("Stopped for safety: {reasons}.", "因安全停止：{reasons}。"),
    "data_balance": (
        "Data problem, no verdict: the arms did not get their shares ({stage}), {odds} : 1 against chance.",
        "数据异常，没有结论：各组人数（{stage}）与设定比例不符，并非偶然的赔率为 {odds} : 1。",
    ),
    "data_placebo": (
        "Data problem, no verdict: {placebo} differs between arms that cannot change it, "
        "{placebo_odds} : 1 against chance.",
        "数据异常，没有结论：各组的{placebo}本不该受方案影响，却出现差异，并非偶然的赔率为 {placebo_odds} : 1。",
    ),
    # A factorial round: what won variable by variable, and together.
    "combined": (
        "together as {combination}, what adds up {verb} {metric} by {size}",
        "合为 {combination}，按各变量相加{metric}{verb} {size}",
    ),
    "combined_one": (
        "{combination} alone is proposed, which {verb} {metric} by {size} with all else as today",
        "建议只采用 {combination}：其他保持现状时{metric}{verb} {size}",
    ),
    "combined_unknown": (
        "what {combination} does to {metric} cannot be told from these combinations",
        "仅凭这些组合无法得出 {combination} 对{metric}的效果",
    ),
    "factorial_winner": ("{arms} win, each in its variable: {combined}.", "{arms} 在各自变量中胜出：{combined}。"),
    "factorial_proven": (
        "{arms} are proven better than the control, each in its variable; {open} more are still open: {combined}.",
        "{arms} 在各自变量中已证实优于对照，还有 {open} 个变量尚无定论：{combined}。",
    ),
    # What to do next, and what not to do.
    "next_winner": (
        "Make {arm} the control of the next round. Do not promise the whole lift: a winner's number is a bit high.",
        "下一轮以 {arm} 为对照。不要承诺全部提升：胜出者的数字总是略微偏高。",
    ),
    "next_factorial": (
        "Confirm {combination} against today's control in a round of its own. "
        "Do not promise the whole sum: winners' numbers are a bit high, and effects need not add up.",
        "用单独的一轮，以 {combination} 对比当前的对照来证实。"
        "不要承诺全部相加：胜出者的数字总是略微偏高，各变量的效果也未必能相加。",
    ),
    "next_leaning": (
        "Take {arm} if the change costs nothing, or confirm it in a round of its own {own_round}. "
        "Do not count it as learned.",
        "若更换没有成本，可以先用 {arm}；否则单独做一轮来证实（{own_round}）。不要当作已证实的结论。",
    ),
    "next_leaning_proven": (
        "Keep calling the arms that are left. Do not stop for a number that is higher today.",
        "继续外呼其余实验组。不要因为今天的数字更高而提前停止。",
    ),
    "next_audience": (
        "Call {arm} first where a contact costs the same. Do not read this as an effect of the call.",
        "若每个客户的成本相同，先外呼 {arm}。不要把差异理解为外呼方案的效果。",
    ),
    "next_packs": (
        "Call whichever pack is cheaper to reach. Do not read a difference between packs as an effect of the call.",
        "先外呼成本更低的人群包。不要把人群包之间的差异理解为外呼方案的效果。",
    ),
    "next_packs_more": (
        "To tell packs {useful} apart, call more people of each, {round}. "
        "Do not read a difference between packs as an effect of the call.",
        "若要分出 {useful}的高低，每个人群包都要多呼一些客户（{round}）。不要把人群包之间的差异理解为外呼方案的效果。",
    ),
    "next_no_difference": (
        "Keep the control and test something bolder. Do not run the same arms again.",
        "保留对照，尝试差别更大的方案。不要重复同样的实验组。",
    ),
    "next_wait": (
        "Wait until every call is made and its conversion window is over. Do not act on the numbers before that.",
        "等所有外呼完成且转化窗口结束。在此之前不要根据数字行动。",
    ),
    "next_wait_window": (
        "Every call is made: wait for {waiting} inside the conversion window. Do not act on the numbers before that.",
        "外呼已完成：还有 {waiting}在转化窗口内，请等待。在此之前不要根据数字行动。",
    ),
    "next_wait_people": (
        "Wait for {missing} more per arm. Do not act on the numbers before that.",
        "每组还需 {missing}，请等待。在此之前不要根据数字行动。",
    ),
    "next_wait_days": (
        "Wait for {missing} more per arm, {days} more days at this pace. Do not act on the numbers before that.",
        "每组还需 {missing}，按目前速度还需 {days} 天。在此之前不要根据数字行动。",
    ),
    "next_race": (
        "Keep calling; the race tells when it is decided, and may be read at any time. Do not pick the highest number.",
        "继续外呼；何时有结论由检验决定，可以随时查看。不要直接选数字最高的一组。",
    ),
    "next_more": (
        "To see a lift of {useful}, run a round {round}. Do not pick the highest number.",
        "若要看出 {useful}的提升，需要再做一轮（{round}）。不要直接选数字最高的一组。",
    ),
    "next_nobody": (
        "Check that calls go out and that outcomes arrive for the control and for one arm at least.",
        "检查外呼是否在进行，对照组和至少一个实验组是否已有结果。",
    ),
    "next_stopped": (
        "Listen to the calls of {stopped} first. Do not resume before the cause is known.",
        "先听 {stopped} 的通话。原因查明之前不要恢复。",
    ),
    "next_balance": (
        "Find out why {off_arm} has {observed} where {expected} were due: imports, refusals, adapters. "
        "Do not use any number of this experiment.",
        "查明 {off_arm} 为何有 {observed}，而应有 {expected}：检查导入、拒呼规则和线路。不要使用本实验的任何数字。",
    ),
    "next_placebo": (
        "Compare hours, lines and caller numbers of the arms. Do not use any number of this experiment.",
        "对比各组的外呼时间、线路和外显号码。不要使用本实验的任何数字。",
    ),
    # Reasons.
    "because_adjusted": (
        "{arm}: adjusted over all arms, chance alone gives such a number with p {p}; the limit is {alpha}.",
        "{arm}：按全部实验组校正后，纯属偶然出现这样差异的概率 p {p}，判定界限为 {alpha}。",
    ),
    "because_look": (
        "{arm}: {z} standard errors from the control at the last planned look; {bound} are proof.",
        "{arm}：在上一次计划查看时与对照相差 {z} 个标准误，达到 {bound} 即为证实。",
    ),
    "because_unconfirmed": (
        "{arm}: so few succeeded that only the exact test counts, and it does not confirm the difference.",
        "{arm}：转化人数太少，只能以精确检验为准，而精确检验未能证实差异。",
    ),
    "because_odds_for": (
        "{arm}: the odds are {odds} : 1 that it is better; about {bar} : 1 would be proof by now.",
        "{arm}：优于对照的赔率为 {odds} : 1，目前约需 {bar} : 1 才算证实。",
    ),
    "because_proven": (
        "{arm}: the odds are {odds} : 1 that it is better, and that is proof.",
        "{arm}：优于对照的赔率为 {odds} : 1，已证实。",
    ),
    "because_same": (
        "{arm} is the same as the control within {useful}: the odds are {above} : 1 against a lift of that size and "
        "{below} : 1 against a loss of it; 20 : 1 on both sides is proof.",
        "{arm} 与对照相同（差异在 {useful}以内）：没有这么大提升的赔率为 {above} : 1，"
        "没有这么大损失的赔率为 {below} : 1，两边都达到 20 : 1 即为证实。",
    ),
    "because_not_same": (
        "{arm} is not shown to be the same as the control yet: the odds are {above} : 1 against a lift of {useful} and "
        "{below} : 1 against a loss of it; 20 : 1 on both sides is proof.",
        "{arm} 尚未证实与对照相同：没有 {useful}提升的赔率为 {above} : 1，没有 {useful}损失的赔率为 {below} : 1，"
        "两边都达到 20 : 1 即为证实。",
    ),
    "because_odds_against": (
        "{arm}: the odds are {odds} : 1 against a lift of {useful}; {bar} : 1 rules it out.",
        "{arm}：没有 {useful}提升的赔率为 {odds} : 1，达到 {bar} : 1 即可排除。",
    ),
    "because_below": (
        "{arm}: its whole range lies below the smallest useful lift of {useful}.",
        "{arm}：整个区间低于最小有用提升 {useful}。",
    ),
    "because_loser": ("{arm} is out of the race: another arm beats it.", "{arm} 已出局：不如另一实验组。"),
    "because_audience": (
        "{arm} is another pack of people, compared and not randomized ({yields}): no claim about causes.",
        "{arm} 是另一个人群包，只作对比，没有随机分组（{yields}）：不能说明因果。",
    ),
    "because_corrected": (
        "Corrected for having been picked as the winner, the lift is about {size}.",
        "按“因胜出而被选中”校正后，提升约为 {size}。",
    ),
    "because_unbiased": (
        "The looks ended for a high number; corrected for that, the lift is about {size}.",
        "因数字高而提前结束；按此校正后，提升约为 {size}。",
    ),
    "because_waiting": (
        "{waiting} are still inside the conversion window and in no number.",
        "还有 {waiting}在转化窗口内，未计入任何数字。",
    ),
    "because_harm": (
        "{arm} has {count} complaints in {contacts} calls, {odds} : 1 that it exceeds the limit of 1 in 10,000",
        "{arm} 在 {contacts} 次外呼中有 {count} 次投诉，超过万分之一上限的赔率为 {odds} : 1",
    ),
    "because_relative_harm": (
        "{arm} has {count} complaints in {contacts} calls against {control_count} on the control, "
        "{odds} : 1 that it draws more",
        "{arm} 在 {contacts} 次外呼中有 {count} 次投诉，对照有 {control_count} 次，投诉更多的赔率为 {odds} : 1",
    ),
    "because_campaign": (
        "all arms that go on have {count} complaints together in {contacts} calls, "
        "{odds} : 1 that they exceed the limit of 1 in 10,000",
        "仍在进行的各组合计 {contacts} 次外呼中有 {count} 次投诉，超过万分之一上限的赔率为 {odds} : 1",
    ),
    "because_pause_at": (
        "{arm} has {count} people in {metric}, and {limit} pause an arm",
        "{arm} 的{metric}已有 {count} 例，达到 {limit} 例即暂停",
    ),
    "because_no_worse_by": (
        "{arm} is worse than the control in {metric} by {size}, and {margin} are allowed",
        "{arm} 的{metric}比对照差 {size}，允许范围为 {margin}",
    ),
    "because_guardrail": ("{reason}.", "{reason}。"),
    # Safe to read now?
    "safe_sequential": ("the race may be read at any time", "该检验可以随时查看"),
    "safe_fixed": ("everyone is counted, and this is the one reading", "所有人均已计入，这是唯一的一次查看"),
    "safe_group": (
        "each of the {looks} planned looks may be read; in between the last one stands",
        "计划的 {looks} 次查看，每次都可以采信；其间以上一次为准",
    ),
    "unsafe_group": ("the first of {looks} planned looks is still to come", "计划的 {looks} 次查看，第一次尚未到来"),
    "safe_alarm": ("a guardrail's alarm holds at every look", "安全警报随时有效"),
    "unsafe_fixed": ("a fixed horizon is read once, at the end", "固定样本只在结束时查看一次"),
    "unsafe_data": ("the data have a problem", "数据异常"),
    # What an arm can change first, whom its rates are of, and why a rate among the connected is fair or is not.
    "first_talk": ("the talk", "通话内容"),
    "first_after": ("what follows the talk", "通话之后的环节"),
    "first_pick_up": ("who picks up", "谁会接听"),
    "first_attempts": ("the number of attempts", "呼叫次数"),
    "first_nothing": ("not dealt by chance", "不是随机分组"),
    "headline_assigned": ("per contact assigned", "按分组客户计"),
    "headline_conversion": ("conversion per contact assigned", "按分组客户计的转化率"),
    "headline_undialled": ("per contact assigned, the undialed kept in", "按分组客户计，未外呼的也计入"),
    "headline_cost": (
        "per contact assigned, and cost per conversion; never per attempt",
        "按分组客户计，并看单个转化成本；从不按呼叫次数计",
    ),
    "headline_yield": ("the yield of each pack; no lift, no winner", "各人群包自身的结果；不算提升，也不评胜出"),
    "why_talk": ("it is met only in the talk, after the connect", "要到接通之后的通话中才会体现"),
    "why_after": ("it is met only after a talk", "要到通话之后才会体现"),
    "why_pick_up": (
        "it changes who picks up, so other people are connected",
        "它会改变谁接听电话，接通的已不是同一类人",
    ),
    "why_attempts": (
        "it changes how often people are called, so other people are connected",
        "它会改变每位客户的呼叫次数，接通的已不是同一类人",
    ),
    "why_audience": ("its people were not dealt by chance", "它的客户不是随机分组得到的"),
    "not_alike": ("{variable}: {why}", "{variable}：{why}"),
    "not_dealt": (
        "another pack of people, not dealt by chance: its yield is shown, and no lift",
        "另一个人群包，不是随机分组：只列出结果，不算提升",
    ),
    "not_per_call": (
        "the arm changes how often people are called: a number per call says nothing about people",
        "该组改变的是呼叫次数：按次计算的数字不能说明客户",
    ),
    # Several incentives that stand in an order.
    "trend_up": (
        "A dearer incentive raises {metric}: from a cost of {from} to {to} by {size} points (likely range {low} to "
        "{high}, p {p}). This describes and decides nothing.",
        "利益点成本越高，{metric}越高：成本从 {from} 到 {to}，提高 {size} 个百分点（可能区间 {low} 至 {high}，p {p}）。"
        "仅作描述，不作决定。",
    ),
    "trend_down": (
        "A dearer incentive lowers {metric}: from a cost of {from} to {to} by {size} points (likely range {low} to "
        "{high}, p {p}). This describes and decides nothing.",
        "利益点成本越高，{metric}越低：成本从 {from} 到 {to}，降低 {size} 个百分点（可能区间 {low} 至 {high}，p {p}）。"
        "仅作描述，不作决定。",
    ),
    "trend_none": (
        "Whether a dearer incentive changes {metric} is open: from a cost of {from} to {to} the change lies between "
        "{low} and {high} points (p {p}).",
        "利益点成本是否影响{metric}尚不清楚：成本从 {from} 到 {to}，变化在 {low} 至 {high} 个百分点之间（p {p}）。",
    ),
    # Warnings.
    "warn_speeds": (
        "Arms convert at different speeds (p {p}): {late} of the conversions of {slow} and {soon} of those of {fast} "
        "came in the last quarter of the window. A window that is too short makes the faster arm a false winner: "
        "confirm with a longer one.",
        "各组转化速度不同（p {p}）：{slow} 有 {late} 的转化发生在窗口的最后四分之一，{fast} 为 {soon}。"
        "窗口过短会让更快的组虚假胜出：请用更长的窗口确认。",
    ),
    "warn_needs_rate": (
        "Reading early needs a rate as the primary metric; this one is read once, at the end.",
        "中途查看要求主要指标是比率；本实验只在结束时查看一次。",
    ),
    "warn_needs_plan": (
        "Planned looks need the planned number of people per arm; this is read once, at the end.",
        "计划查看需要设定每组人数；本实验只在结束时查看一次。",
    ),
    "warn_revised": (
        "Late reports changed people who were counted before; the race counts those changes from the next look on.",
        "迟到的回报改变了已计入的人；检验从下一次查看起计入这些变化。",
    ),
    "warn_audience": (
        "Other packs of people, compared and not randomized: {arms}. No causal claim is made.",
        "{arms} 是不同的人群包，只作对比，没有随机分组：不作因果结论。",
    ),
    "warn_interaction": (
        "{first} and {second} do less together than both add up to, by {size} (p {p}, corrected over {pairs} pairs); "
        "together they are still best.",
        "{first} 与 {second} 同时使用时比两者相加少 {size}（按 {pairs} 对校正后 p {p}），但同时使用仍然最好。",
    ),
    "warn_interaction_one": (
        "{first} and {second} do less together than both add up to, by {size} (p {p}, corrected over {pairs} pairs): "
        "{kept} alone does better, and is proposed without the other.",
        "{first} 与 {second} 同时使用时比两者相加少 {size}（按 {pairs} 对校正后 p {p}）："
        "单用 {kept} 更好，因此只保留它。",
    ),
    "warn_excluded": (
        "{arm} cannot be combined with {arms}, which gain more; it is left out.",
        "{arm} 不能与提升更大的 {arms} 组合，因此不采用。",
    ),
    "warn_assignment_unknown": (
        "Nothing here proves that contacts were assigned at random: a difference may be the people, not the arm.",
        "该文件不能证明客户是随机分组的：差异可能来自人群，而不是方案。",
    ),
    "warn_attempts_as_contacts": (
        "Rows are taken for contacts. If one person has several rows, name the column that says who.",
        "每行按一个客户计算。如果同一人有多行，请指定客户所在的列。",
    ),
    "warn_mixture": (
        "The arms hold other mixtures of people than chance deals: by {column}, {value} makes up {shares}. "
        "Compare them within {column}.",
        "各组人群构成的差异并非偶然：按 {column} 看，{value} 的占比为 {shares}。请在 {column} 的各类之内比较。",
    ),
    "warn_blank_cells": (
        "Blank cells were counted as zero: {counts}.",
        "空白单元格按零计入：{counts}。",
    ),
    "warn_counts_only": (
        "From counts alone nobody can see whether contacts were assigned at random or read only once.",
        "仅凭计数无法判断客户是否随机分组，也无法判断是否只查看一次。",
    ),
}  # fmt: skip
