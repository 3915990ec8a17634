/* The launch saga (saga.c) and those whom it asks, for SPIN. Three steps, of which the second is email; each may answer,
 * refuse, or be silent for as long as it likes. Commands come at least once and in any order, as after a hand-over of dead
 * letters. A kill of the campaign service is not to be seen here: a state and the command that follows from it are stored in
 * one transaction (atomic), and what was stored is sent.
 *
 * The mutations are mistakes that the properties must find (tests/model_test.py):
 *   FORGET_TOMBSTONE   an undo before its do leaves nothing
 *   TRUST_SILENCE      a step that was given up is taken for not done
 *   MAIL_AT_ONCE       email does not hold what it has scheduled
 *   FORGET_REFUSAL     the same command a second time is decided anew
 *   GIVE_UP_UNDOING    an undo that is not answered is not waited for */

#define N 3
#define MAIL 1
#define DO 0
#define UNDO 1

mtype:step = { waiting, asked, done, refused, timed_out, undoing, undone };

mtype:step state[N] = waiting;
bool stands[N];                    /* what the step has really done */
bool launched, failed, released;   /* released: mail is under way */

chan command[N] = [3] of { bit };
chan answer[N] = [6] of { bit, bool }; /* of a do or an undo; refused? */

proctype participant(byte me)
{
    bool decided, no, tombstone;
end:
    do
    :: atomic {
            command[me]??DO ->
            if
            :: tombstone -> answer[me]!DO, true
            :: !tombstone && decided -> answer[me]!DO, no
            :: !tombstone && !decided ->
                if
                :: no = false; stands[me] = true
                :: no = true /* it will not, or has met the command too late */
                fi;
#ifndef FORGET_REFUSAL
                decided = true;
#endif
                answer[me]!DO, no
            fi
        }
    :: atomic {
            command[me]??UNDO ->
            stands[me] = false;
#ifndef FORGET_TOMBSTONE
            tombstone = true;
#else
            decided = false;
#endif
            answer[me]!UNDO, false
        }
#ifdef MAIL_AT_ONCE
    :: atomic { me == MAIL && stands[me] && !released -> released = true }
#else
    :: atomic { me == MAIL && stands[me] && launched && !released -> released = true }
#endif
    od
}

active proctype campaign()
{
    byte k, again;
    bit what;
    bool no;

    do /* forwards */
    :: k == N -> atomic { launched = true; goto stop }
    :: k < N ->
        atomic { state[k] = asked; again = 0; command[k]!DO }
        do
        :: atomic { answer[k]?what, no ->
            if
            :: what == DO && !no -> state[k] = done; break
            :: what == DO && no -> state[k] = refused; goto back
            fi }
        :: atomic { again < 1 -> again++; command[k]!DO }
        :: atomic { state[k] = timed_out; goto back } /* or a person has cancelled it */
        od;
        k++
    od;

back:
    k = N;
    do /* backwards: what is done, or may be */
    :: k == 0 -> atomic { failed = true; goto stop }
    :: k > 0 ->
        k--;
        if
#ifdef TRUST_SILENCE
        :: state[k] == done ->
#else
        :: state[k] == done || state[k] == timed_out ->
#endif
            atomic { state[k] = undoing; again = 0; command[k]!UNDO }
            do
            :: atomic { answer[k]?what, no ->
                if
                :: what == UNDO -> state[k] = undone; break
                :: what == DO /* a late one */
                fi }
            :: atomic { again < 1 -> again++; command[k]!UNDO }
#ifdef GIVE_UP_UNDOING
            :: state[k] = undone; break
#endif
            od
        :: else
        fi
    od;
stop:
    skip
}

init
{
    byte i;
    for (i : 0 .. N - 1) {
        run participant(i)
    }
}

ltl not_both        { [] !(launched && failed) }
ltl mail_after      { [] (released -> launched) }
ltl nothing_left    { [] (failed -> !stands[0] && !stands[1] && !stands[2]) }
ltl all_stands      { [] (launched -> stands[0] && stands[1] && stands[2]) }
ltl ends            { <> (launched || failed) }
ltl mail_goes_out   { [] (launched -> <> released) }
