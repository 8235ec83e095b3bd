import { lmHeadScoreCases } from './lm_head_score.cases';
import { describeCases } from './testing';

describeCases('lm_head_score', lmHeadScoreCases);
