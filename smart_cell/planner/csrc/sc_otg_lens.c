/* The lens: pulses +j 0 -j +j and -j +j 0 -j with the acceleration never changing its sign. */
#include "sc_otg_lens.h"

#include "sc_otg_ramp.h"

#define ROUNDS 60

/* The valleys of one end of the lens: from `first` (shortest) down to `last` (longest duration). */
typedef struct {
    size_t side;
    double first, last;
} range;

/* The range of the view's upper end; false if there is no lens. */
static bool
find_range(const sc_otg_view *view, range *out)
{
    size_t x = view->side[1].a < 0.0 ? 1 : 0;
    const sc_otg_side *falling = &view->side[x], *rising = &view->side[1 - x];
    if (!(falling->a < 0.0 && rising->a > 0.0)) {
        return false;
    }
    /* As a motion from `rising` on, the change of velocity; x = 0 is seen in reversed time. */
    double j = view->j, change = j * (falling->v - rising->v);
    double a = rising->a * rising->a, b = falling->a * falling->a;
    double square = 0.5 * (a + b) - change;
    double slack = SC_OTG_SLACK * (a + b + j * (fabs(falling->v) + fabs(rising->v)));
    if (!(square >= 0.0 && change >= 0.5 * fabs(a - b) - slack)) {
        return false;
    }
    out->side = x;
    out->first = -falling->a;
    out->last = sc_otg_min(sqrt(square), out->first);
    return true;
}

static double
displacement_at(const sc_otg_view *view, size_t side, double z, double *time)
{
    sc_otg_ramp ramp;
    double displacement;
    sc_otg_valley(view, side, z, &ramp, time, &displacement);
    return displacement;
}

/* The view in which the joint's lens is an upper end with the valley on its side x. */
static bool
lens_view(const sc_otg_joint *joint, bool mirrored, sc_otg_view *view, range *out)
{
    sc_otg_look(joint, mirrored, view);
    return find_range(view, out);
}

bool
sc_otg_lens(const sc_otg_joint *joint, double *end)
{
    sc_otg_view view;
    range r;
    *end = 0.0;
    if (!lens_view(joint, false, &view, &r)) {
        return false;
    }
    displacement_at(&view, r.side, r.last, end);
    return true;
}

bool
sc_otg_lens_fastest(const sc_otg_joint *joint, sc_otg_extreme *out)
{
    for (size_t i = 0; i < 2; i++) {
        sc_otg_view view;
        range r;
        double first, last, z;
        if (!lens_view(joint, i == 1, &view, &r)) {
            return false;
        }
        double begin = displacement_at(&view, r.side, r.first, &first);
        double end = displacement_at(&view, r.side, r.last, &last);
        double over = view.displacement - begin, slack = sc_otg_slack(joint, last);
        if (fabs(over) <= slack) {
            z = r.first;
        }
        else if (over < 0.0) {
            continue;
        }
        else if (!sc_otg_find_valley(&view, r.side, r.last, r.first, view.displacement, &z)) {
            if (view.displacement > end + slack) {
                return false;
            }
            z = r.last;
        }
        sc_otg_extreme found = {.mirrored = i == 1, .valley = true, .side = r.side, .at = z};
        displacement_at(&view, r.side, z, &found.duration);
        *out = found;
        return true;
    }
    return false;
}

bool
sc_otg_lens_at_time(const sc_otg_joint *joint, double time, sc_otg_extreme out[2])
{
    for (size_t i = 0; i < 2; i++) {
        sc_otg_view view;
        range r;
        if (!lens_view(joint, i == 1, &view, &r)) {
            return false;
        }
        double high = r.first, low = r.last, taken;
        for (size_t round = 0; round < ROUNDS; round++) {
            double middle = 0.5 * (low + high);
            displacement_at(&view, r.side, middle, &taken);
            *(taken < time ? &high : &low) = middle;
        }
        out[i].mirrored = i == 1;
        out[i].valley = true;
        out[i].side = r.side;
        out[i].at = low;
        displacement_at(&view, r.side, low, &out[i].duration);
    }
    return true;
}
